import { forget, pictureFrom, startDropZone, thumbnail } from './pictures.ts';
import type { Picture } from './server.ts';

/** A drop zone that holds one picture, or none. */
export class PictureSlot {
  readonly #zone: HTMLElement;
  readonly #onChange: () => void;
  #picture: Picture | undefined;
  /** Counts what was put here, or taken away. */
  #changes = 0;

  constructor(zone: HTMLElement, onChange: () => void) {
    this.#zone = zone;
    this.#onChange = onChange;
    startDropZone(zone, false, (files) => this.take(files));
  }

  get picture(): Picture | undefined {
    return this.#picture;
  }

  /** The first of the files. */
  take([file]: readonly File[]): void {
    if (!file) return;
    this.hold(pictureFrom(file));
    this.#onChange();
  }

  /** The picture at this address once it is read, unless something else is put here, or taken away, by then. */
  async takeFrom(url: string, name: string): Promise<void> {
    this.#changes += 1;
    const change = this.#changes;
    const blob = await (await fetch(url)).blob();
    if (change !== this.#changes) return;
    this.hold({ name, blob, url });
    this.#onChange();
  }

  /** Shows the picture, and tells nobody. */
  hold(picture: Picture | undefined): void {
    this.#changes += 1;
    if (this.#picture) forget(this.#picture);
    this.#picture = picture;
    this.#zone.querySelector('.thumbnail')?.remove();
    if (picture) this.#zone.prepend(thumbnail(picture, () => this.#giveUp()));
  }

  #giveUp(): void {
    this.hold(undefined);
    this.#zone.querySelector<HTMLElement>('.choose')!.focus();
    this.#onChange();
  }
}
