/** The element of the page with this id. @throws Error where there is none, which is a fault of this page */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`expected an element with the id ${id}`);
  return found as E;
}

/** An element with properties and children. Texts stay texts: nothing is ever parsed as HTML. */
export function make<N extends keyof HTMLElementTagNameMap>(
  name: N,
  properties: Partial<HTMLElementTagNameMap[N]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[N] {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** Shows a sentence, or hides its element where there is none. Unchanged sentences are not announced again. */
export function say(element: HTMLElement, sentence: string | undefined): void {
  element.hidden = sentence === undefined;
  if (element.textContent !== (sentence ?? '')) element.textContent = sentence ?? '';
}
