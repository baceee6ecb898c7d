/**
 * Facts of a view model put into words: what the templates show and do not compose themselves.
 */
import { renderSVG } from 'uqr';
import type { Translator } from './messages.ts';
import type { DeviceView, FactorView, Need, Problem, Reason, ScopeView, ViewModel } from './view-models.ts';

/** The page's heading, and the first part of its title. */
export function titleOf(page: ViewModel, translator: Translator): string {
  const { t } = translator;
  switch (page.page) {
    case 'sign-in':
      return t('sign_in.title');
    case 'password':
      return t('password.title');
    case 'denied':
      return t('denied.title');
    case 'step-up':
      return t('step_up.title');
    case 'enrol-choose':
      return t('enrol.choose_title');
    case 'enrol-email':
      return t('enrol.email_title');
    case 'enrol-admin-code':
      return t('enrol.admin_title');
    case 'enrol-totp':
      return t('enrol.totp_title');
    case 'enrol-passkey':
      return t('enrol.passkey_title');
    case 'enrol-password':
      return t('enrol.password_title');
    case 'consent':
      return t('consent.title');
    case 'account':
      return t('account.title');
    case 'factor-remove':
      return t('remove.title', { label: factorName(page.factor, translator) });
    case 'password-change':
      return t('password_change.title');
    case 'logout':
      return t('logout.title');
    case 'signed-out':
      return t(page.stillSignedIn ? 'signed_out.title_stayed' : 'signed_out.title');
    case 'outbox':
      return t('outbox.title');
    case 'error':
      if (page.code === 'not_found') return t('error.title_not_found');
      return t(page.code === 'unavailable' ? 'error.title_unavailable' : 'error.title');
  }
}

/** One sentence for each reason, without repeats. Reasons are message keys or an operator's own words. */
export function reasonTexts(reasons: readonly Reason[], client: string, translator: Translator): string[] {
  const texts = reasons.map((reason) => {
    if (reason.reason !== 'reason.recent' || reason.maxAge === undefined || reason.maxAge < 60) {
      return translator.words(reason.reason, { client, name: reason.name ?? '' });
    }
    const minutes = Math.floor(reason.maxAge / 60);
    const key = minutes === 1 ? 'reason.recent_minute' : 'reason.recent_minutes';
    return translator.t(key, { client, minutes });
  });
  return [...new Set(texts)];
}

/** "Still missing: a passkey, then your password." Empty for no needs. */
export function needsText(needs: readonly Need[], { t }: Translator): string {
  const [first, second, third] = needs.map((need) => t(needKey(need)));
  if (first === undefined) return '';
  if (second === undefined) return t('step_up.need_one', { first });
  if (third === undefined) return t('step_up.need_two', { first, second });
  return t('step_up.need_three', { first, second, third });
}

function needKey({ method, userVerified, hardwareProtected }: Need): string {
  if (method !== 'passkey') return `need.${method}`;
  if (hardwareProtected) return 'need.passkey_hardware';
  return userVerified ? 'need.passkey_verified' : 'need.passkey';
}

export interface ProblemText {
  readonly message: string;
  readonly remedy: string;
  readonly retry: string;
  readonly field: string;
}

/** What happened, what to do, and when to try again. */
export function problemText(problem: Problem, translator: Translator): ProblemText {
  return {
    message: translator.t(`error.${problem.code}`),
    remedy: translator.t(`remedy.${problem.code}`),
    retry: retryText(problem.retryAfter, translator),
    field: problem.field ?? '',
  };
}

/** Empty without a time; whole minutes, rounded up, from one minute on. */
export function retryText(seconds: number | undefined, { t }: Translator): string {
  if (seconds === undefined || seconds <= 0) return '';
  if (seconds < 60) return t('problem.retry_seconds', { seconds: Math.ceil(seconds) });
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? t('problem.retry_minute') : t('problem.retry_minutes', { minutes });
}

/** The operator's description, our own text for a well-known scope, else its name. */
export function scopeText(scope: ScopeView, translator: Translator): string {
  const key = `scope.${scope.name}`;
  const known = translator.words(key);
  return translator.words(scope.description ?? (known === key ? scope.name : known));
}

/** What its person calls a factor, else its kind. */
export function factorName(
  { method, label }: Pick<FactorView, 'method' | 'label'>,
  { t }: Translator,
): string {
  return label || t(`method.${method}`);
}

/** As much as a device has told. */
export function deviceName({ browser, system }: DeviceView, { t }: Translator): string {
  if (browser !== null && system !== null) return t('account.device', { browser, system });
  return browser ?? system ?? t('account.device_unknown');
}

/** A moment, or its day, for machines and for people; in UTC, which the browser turns into its own time. */
export function moment(
  seconds: number,
  day: boolean,
  { language }: Translator,
): { readonly iso: string; readonly text: string } {
  const date = new Date(seconds * 1000);
  const dayText = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' });
  if (day) return { iso: date.toISOString(), text: dayText.format(date) };
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'short', timeZone: 'UTC' });
  return { iso: date.toISOString(), text: `${dayText.format(date)}, ${time.format(date)} UTC` };
}

/** A QR code as a data URI of an SVG, black on white with its quiet zone. */
export function qrImage(text: string): string {
  const svg = renderSVG(text, { ecc: 'M', border: 2 });
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}

/** In groups of four, to be read and typed. */
export function grouped(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}

/** An address that may be linked to: http, https or a path of ours; nothing that runs. */
export function safeHref(uri: string | undefined): string | undefined {
  if (uri === undefined || /^\/(?!\/)/.test(uri)) return uri;
  if (!URL.canParse(uri)) return undefined;
  return ['http:', 'https:'].includes(new URL(uri).protocol) ? uri : undefined;
}
