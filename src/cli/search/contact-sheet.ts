import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { inOrder } from '../../client/ordered.ts';
import { thumbnail } from '../../preprocess/image/thumbnail.ts';

export interface Found {
  /** Path. */
  readonly file: string;
  readonly score: number;
}

export interface SheetOptions {
  /** Where the page will lie: its links count from there. */
  readonly path: string;
  /** What was searched for. */
  readonly query: { readonly text: string } | { readonly file: string };
  /** A sentence about where. */
  readonly about: string;
  readonly found: readonly Found[];
  readonly signal: AbortSignal;
}

/** Longer side of a thumbnail in pixels. */
const SIDE = 320;
const MOST_PIXELS = 120_000_000;
const AT_ONCE = 4;

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
ol { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); list-style: none; padding: 0; }
figure { margin: 0; }
img, .none { width: 100%; height: 11rem; object-fit: contain; background: #8881; border-radius: .3rem; }
.none { display: grid; place-items: center; }
header img { width: auto; }
figcaption { overflow-wrap: anywhere; }
b { font-variant-numeric: tabular-nums; margin-right: .5em; }`;

/** One page that stands alone: pictures are in it, it asks for nothing and runs nothing. */
export async function contactSheet({ path, query, about, found, signal }: SheetOptions): Promise<string> {
  const title = 'text' in query ? query.text : `Like ${query.file}`;
  const picture = 'file' in query ? await tag(query.file, query.file) : '';
  const tiles: string[] = [];
  async function* all() {
    yield* found;
  }
  const tile = async ({ file, score }: Found) =>
    `<li><figure><a href="${escaped(link(path, file))}">${await tag(file, file)}</a>` +
    `<figcaption><b>${score.toFixed(4)}</b>${escaped(file)}</figcaption></figure></li>`;
  for await (const html of inOrder(all(), AT_ONCE, tile, signal)) tiles.push(html);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
${picture}
<p>${escaped(about)}</p>
</header>
<ol>
${tiles.join('\n')}
</ol>
</body>
</html>
`;
}

/** A picture that has a vector may still be none for this: its name stands in its place. */
async function tag(file: string, name: string): Promise<string> {
  try {
    const small = await thumbnail(await readFile(file), SIDE, MOST_PIXELS);
    return `<img alt="${escaped(name)}" src="data:image/webp;base64,${small.toString('base64')}">`;
  } catch {
    return '<span class="none">no preview</span>';
  }
}

function link(page: string, file: string): string {
  const path = relative(dirname(resolve(page)), resolve(file));
  return path.split('/').map(encodeURIComponent).join('/');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As text, or between quotes in an attribute. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
