import { byId, make } from './element.ts';
import type { Faults } from './fault.ts';
import { PictureSlot } from './picture-slot.ts';
import type { RequestPanel } from './request-panel.ts';
import { showResults, type Tile } from './results.ts';
import { encode, names, nearest, type Part, pictureUrl, type State } from './server.ts';
import { mix } from './vector.ts';

const SHOWN = 24;
/** ms after the last letter. */
const PAUSE = 250;
const EXAMPLES = [
  'a red apple',
  'something cold and sweet',
  'feeling sad',
  'rainy weather',
  'a musical instrument with strings',
  'a vehicle for many people',
];

/** The panel that searches the gallery by words, by a picture, or by a mixture. */
export class SearchPanel {
  readonly #faults: Faults;
  readonly #panel: RequestPanel;
  readonly #words = byId<HTMLInputElement>('words');
  readonly #weight = byId<HTMLInputElement>('weight');
  readonly #slot = new PictureSlot(byId('search-drop'), () => this.#search());
  /** By what they are of. */
  readonly #vectors = new Map<string, readonly number[]>();
  #gallery: State['gallery'] | undefined;
  #names: readonly string[] = [];
  #query: readonly number[] | undefined;
  #refreshes = 0;
  #running = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(faults: Faults, panel: RequestPanel) {
    this.#faults = faults;
    this.#panel = panel;
    this.#words.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), PAUSE);
    });
    this.#weight.addEventListener('input', () => this.#search());
    byId('search-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#search();
    });
    byId('examples').append(...EXAMPLES.map((text) => this.#example(text)));
  }

  /** Files that were dropped on the page, or pasted. */
  take(files: readonly File[]): void {
    this.#slot.take(files);
  }

  /** Shows more as more of the gallery is embedded. @throws ServerFault */
  async onState({ ready, gallery }: State): Promise<void> {
    const before = this.#gallery;
    const { embedded, pictures, digest } = gallery;
    const bar = byId<HTMLProgressElement>('embedding');
    bar.hidden = !ready || embedded === pictures;
    bar.value = embedded / pictures;
    if (before?.digest === digest && before.embedded === embedded) return;
    // A server that was started anew may have another model.
    if (before && embedded < before.embedded) this.#vectors.clear();
    if (before?.digest !== digest) this.#names = await names(gallery);
    this.#gallery = gallery;
    await this.#refresh();
  }

  #example(text: string): HTMLElement {
    const button = make('button', { type: 'button' }, text);
    button.addEventListener('click', () => {
      this.#words.value = text;
      this.#slot.hold(undefined);
      this.#search();
    });
    return make('li', {}, button);
  }

  #search(): void {
    clearTimeout(this.#timer);
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    const text = this.#words.value.trim();
    const { picture } = this.#slot;
    const parts = [...(text ? [{ text }] : []), ...(picture ? [{ picture }] : [])];
    byId('mix').hidden = parts.length < 2;
    void this.#faults.guard(async () => {
      this.#query = await this.#vectorOf(parts, signal);
      await this.#refresh(signal);
    });
  }

  /** The query's vector, of which only what is new is asked for; undefined for an empty query. */
  async #vectorOf(parts: readonly Part[], signal: AbortSignal): Promise<readonly number[] | undefined> {
    const unknown = parts.filter((part) => !this.#vectors.has(keyOf(part)));
    if (unknown.length > 0) {
      const { vectors, ms } = await encode(unknown, signal);
      for (const [i, part] of unknown.entries()) this.#vectors.set(keyOf(part), vectors[i]!);
      this.#panel.show({ kind: 'encode', parts: unknown }, ms);
    }
    const [first, second] = parts.map((part) => this.#vectors.get(keyOf(part))!);
    return first && second ? mix(first, second, Number(this.#weight.value) / 100) : first;
  }

  async #refresh(signal?: AbortSignal): Promise<void> {
    const gallery = this.#gallery;
    if (!gallery) return;
    const { pictures, embedded } = gallery;
    this.#refreshes += 1;
    const turn = this.#refreshes;
    const matches = this.#query && (await nearest(this.#query, SHOWN, signal));
    // What was asked for later is what is wanted.
    if (turn !== this.#refreshes) return;
    const shown = matches ?? Array.from({ length: Math.min(SHOWN, pictures) }, (_, index) => ({ index }));
    const tiles = shown.map((match): Tile => {
      return { ...match, name: this.#names[match.index]!, url: pictureUrl(gallery, match.index) };
    });
    showResults(tiles, (tile) => void this.#faults.guard(() => this.#findKin(tile)));
    const whole = `${pictures.toLocaleString('en')} pictures`;
    const part = `${embedded.toLocaleString('en')} of ${whole}; the rest is still to be embedded`;
    byId('found').textContent = matches
      ? `The best ${tiles.length} of ${embedded < pictures ? part : whole}.`
      : `${tiles.length} of ${whole}.`;
  }

  /** The words go at once, so that those typed while the picture is on its way stay. */
  async #findKin({ name, url }: Tile): Promise<void> {
    clearTimeout(this.#timer);
    this.#running.abort();
    this.#words.value = '';
    await this.#slot.takeFrom(url, `${name.replaceAll(/[^\w-]+/g, '-')}.webp`);
  }
}

function keyOf(part: Part): string {
  return 'text' in part ? `words ${part.text}` : part.picture.url;
}
