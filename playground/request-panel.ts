import { byId } from './element.ts';
import { hasKey } from './server.ts';
import { LANGUAGES, type Shown, snippet } from './snippets.ts';
import { startTabs } from './tabs.ts';

export interface RequestPanel {
  /** What was asked, and the milliseconds from this page and back. */
  show(shown: Shown, ms: number): void;
}

export function startRequestPanel(): RequestPanel {
  let chosen = '';
  // A long request is scrolled by the keyboard too.
  for (const language of LANGUAGES) byId(`panel-${language}`).tabIndex = 0;
  startTabs(byId('languages'), (id) => {
    chosen = id.replace('tab-', 'panel-');
  });
  startCopy(() => byId(chosen).textContent ?? '');
  return {
    show(shown, ms) {
      const site = { server: location.origin, keyed: hasKey() };
      byId('latency').textContent = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
      for (const language of LANGUAGES)
        byId(`panel-${language}`).querySelector('code')!.textContent = snippet(language, shown, site);
    },
  };
}

function startCopy(text: () => string): void {
  const button = byId<HTMLButtonElement>('copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = 'Copied';
    } catch {
      // Only pages that came over TLS, or from this machine, may write to the clipboard.
      button.textContent = 'Not allowed';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1500);
  });
}
