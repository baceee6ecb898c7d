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
  return ({ url, state }) =>
    new Promise((resolve, reject) => {
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
      if (!window.open(url, '_blank', features)) fail('popup_blocked', 'The browser did not open a popup');
    });
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
