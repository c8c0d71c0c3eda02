import { make } from './element.ts';
import { thumbnail } from './pictures.ts';
import type { Part, Ranked } from './server.ts';

/** A bar that is never too short to be seen, in percent. */
const LEAST = 0.4;

/** A candidate as a bar as long as its score, with a button that removes it; without scores where it is not ranked. */
export function rankingRow(
  candidate: Part,
  { score, cosine }: Partial<Omit<Ranked, 'index'>>,
  remove: () => void,
): HTMLElement {
  const bar = make('span', { className: 'bar' });
  const track = make('span', { className: 'track' }, bar);
  const row = make('li', {}, track, contentOf(candidate, remove));
  if (score === undefined || cosine === undefined) return row;
  bar.style.setProperty('inline-size', `${Math.max(LEAST, 100 * score)}%`);
  row.append(
    make('span', { className: 'score' }, percent(score)),
    make('span', { className: 'cosine' }, cosine.toFixed(3)),
  );
  return row;
}

function contentOf(candidate: Part, remove: () => void): HTMLElement {
  if ('picture' in candidate) return thumbnail(candidate.picture, remove);
  const label = `Remove ${candidate.text}`;
  const button = make('button', { type: 'button', className: 'remove', ariaLabel: label }, '×');
  button.addEventListener('click', remove);
  return make('span', { className: 'text' }, candidate.text, button);
}

export function nameOf(part: Part): string {
  return 'text' in part ? `“${part.text}”` : part.picture.name;
}

export function percent(score: number): string {
  return `${(100 * score).toFixed(1)} %`;
}
