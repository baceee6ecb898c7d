/** `obtain` in a popup: the callback page answers over a channel, which a severed opener does not break. */
import { StepUpError } from './errors.ts';
import type { Obtain } from './types.ts';

export interface PopupOptions {
  /** Of `window.open`. */
  readonly features?: string;
  /** Milliseconds until the person is taken to have gone away. Default ten minutes. */
  readonly timeout?: number;
}

/** Must begin in a click; otherwise browsers block it: StepUpError `popup_blocked`. */
export function popup({
  features = 'popup,width=480,height=720',
  timeout = 600_000,
}: PopupOptions = {}): Obtain {
  const open = ({ url, state, signal }: Parameters<Obtain>[0]) =>
    new Promise<string>((resolve, reject) => {
      const channel = new BroadcastChannel(channelName(state));
      const end = (settle: () => void) => {
        clearTimeout(timer);
        channel.close();
        settle();
      };
      const fail = (code: 'popup_blocked' | 'popup_timeout', text: string) =>
        end(() => reject(new StepUpError(code, text)));
      const timer = setTimeout(() => fail('popup_timeout', 'Nobody answered in the popup'), timeout);
      channel.onmessage = ({ data }: MessageEvent<unknown>) => end(() => resolve(String(data)));
      const opened = openAlone(url, features);
      if (!opened) return fail('popup_blocked', 'The browser did not open a popup');
      signal?.addEventListener('abort', () => {
        opened.close();
        fail('popup_timeout', 'Another call asks anew');
      });
    });
  // Who clicks here is not in the popup, or no longer. Opening it used up the click that asked for it.
  return Object.assign(open, { isLeft: () => navigator.userActivation?.isActive === true });
}

/** The page in it gets no hold of this one. Not by `noopener`, which does not tell whether it was opened. */
function openAlone(url: string, features: string): Window | null {
  const opened = window.open('', '_blank', features);
  if (!opened) return null;
  opened.opener = null;
  opened.location.href = url;
  return opened;
}

/** On the page at the redirect URI: hands its address to the page that opened it, and closes. */
export function answerPopup(): void {
  const channel = new BroadcastChannel(channelName(new URL(location.href).searchParams.get('state') ?? ''));
  channel.postMessage(location.href);
  channel.close();
  window.close();
}

function channelName(state: string): string {
  return `stile:${state}`;
}
