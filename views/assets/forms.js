// Forms are sent once, and passwords can be looked at. Everything works without this module.

function setBusy(form, busy) {
  for (const button of form.querySelectorAll('button[type="submit"]')) button.disabled = busy;
  form.setAttribute('aria-busy', String(busy));
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  // After this turn: a disabled button would not be sent along.
  if (!event.defaultPrevented) setTimeout(() => setBusy(form, true));
});

// A page from the back-forward cache comes back as it was left: busy.
addEventListener('pageshow', (event) => {
  if (event.persisted) for (const form of document.forms) setBusy(form, false);
});

for (const button of document.querySelectorAll('button.reveal')) {
  const input = document.getElementById(button.getAttribute('aria-controls'));
  button.hidden = false;
  button.addEventListener('click', () => {
    const show = input.type === 'password';
    input.type = show ? 'text' : 'password';
    button.textContent = show ? button.dataset.hide : button.dataset.show;
    button.setAttribute('aria-label', show ? button.dataset.hideLabel : button.dataset.showLabel);
    input.focus();
  });
  input.form.addEventListener('submit', () => {
    input.type = 'password';
  });
}
