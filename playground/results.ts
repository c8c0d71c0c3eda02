import { byId, make } from './element.ts';
import type { Match } from './server.ts';

/** A picture of the gallery; without a cosine where nothing is searched for. */
export interface Tile extends Partial<Pick<Match, 'cosine'>> {
  readonly name: string;
  readonly url: string;
}

/** Shows the pictures; `choose` is called with one that is pressed. */
export function showResults(tiles: readonly Tile[], choose: (tile: Tile) => void): void {
  const list = byId('results');
  const hadFocus = list.contains(document.activeElement);
  list.replaceChildren(
    ...tiles.map((tile) => {
      const button = tileButton(tile);
      button.addEventListener('click', () => choose(tile));
      return make('li', {}, button);
    }),
  );
  if (hadFocus) list.querySelector('button')?.focus();
}

function tileButton({ name, url, cosine }: Tile): HTMLButtonElement {
  const image = make('img', { src: url, alt: '', width: 128, height: 128, loading: 'lazy' });
  const properties = { type: 'button', title: `Find pictures like this: ${name}` } as const;
  const button = make('button', properties, image, make('span', { className: 'name' }, name));
  if (cosine !== undefined) button.append(make('span', { className: 'cosine' }, cosine.toFixed(3)));
  return button;
}
