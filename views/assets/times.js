// Shows times in the reader's own zone; the page carries them in UTC.

const { lang } = document.documentElement;
const day = new Intl.DateTimeFormat(lang, { dateStyle: 'medium' });
const minute = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' });

for (const time of document.querySelectorAll('time[datetime]')) {
  const format = 'day' in time.dataset ? day : minute;
  time.textContent = format.format(new Date(time.dateTime));
}
