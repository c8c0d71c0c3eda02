import { make } from './element.ts';
import type { Picture } from './server.ts';

/** A file that was chosen, dropped or pasted. What the server makes of it, it says itself. */
export function pictureFrom(file: File): Picture {
  return { name: file.name || 'picture.png', blob: file, url: URL.createObjectURL(file) };
}

/** What is shown of it is no longer needed. */
export function forget({ url }: Picture): void {
  if (url.startsWith('blob:')) URL.revokeObjectURL(url);
}

/** Takes the files that are chosen by its button, or dropped on it. */
export function startDropZone(zone: HTMLElement, several: boolean, take: (files: File[]) => void): void {
  const input = make('input', { type: 'file', accept: 'image/*', multiple: several, hidden: true });
  zone.append(input);
  zone.querySelector('.choose')!.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    take([...(input.files ?? [])]);
    // So that the same file may be chosen once more.
    input.value = '';
  });
  zone.addEventListener('dragover', () => zone.classList.add('over'));
  for (const name of ['dragleave', 'drop']) zone.addEventListener(name, () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    event.stopPropagation();
    take(filesOf(event.dataTransfer));
  });
}

/** Files dropped beside a zone, or pasted anywhere. A file that is dropped never replaces the page. */
export function startPage(take: (files: File[]) => void): void {
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    take(filesOf(event.dataTransfer));
  });
  document.addEventListener('paste', (event) => {
    const files = filesOf(event.clipboardData);
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  });
}

function filesOf(transfer: DataTransfer | null): File[] {
  return [...(transfer?.files ?? [])];
}

/** A picture that was taken, with a button that gives it up. */
export function thumbnail(picture: Picture, remove: () => void): HTMLElement {
  const image = make('img', { src: picture.url, alt: picture.name, width: 56, height: 56 });
  const button = make(
    'button',
    { type: 'button', className: 'remove', ariaLabel: `Remove ${picture.name}` },
    '×',
  );
  button.addEventListener('click', remove);
  return make('span', { className: 'thumbnail' }, image, button);
}
