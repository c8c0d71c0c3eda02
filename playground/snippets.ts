import type { Part } from './server.ts';

/** A request, to be written down in other languages. Pictures stand in them as files by their names. */
export type Shown =
  | { readonly kind: 'encode'; readonly parts: readonly Part[] }
  | { readonly kind: 'rank'; readonly query: Part; readonly candidates: readonly Part[] };

export const LANGUAGES = ['curl', 'python', 'typescript'] as const;
export type Language = (typeof LANGUAGES)[number];

export interface Site {
  /** `http://host:port`. */
  readonly server: string;
  /** Whether it asks for a key. All three take it from the environment: none of them shows it. */
  readonly keyed: boolean;
}

export function snippet(language: Language, shown: Shown, site: Site): string {
  return { curl, python, typescript }[language](shown, site);
}

function curl(shown: Shown, { server, keyed }: Site): string {
  const one = (part: Part) =>
    'text' in part
      ? `{"text": ${shellSafe(JSON.stringify(part.text))}}`
      : `{"blob": "$(base64 < ${shellWord(part.picture.name)} | tr -d '\\n')"}`;
  const list = (parts: readonly Part[], indent: string) =>
    `[\n${parts.map((part) => `${indent}  ${one(part)}`).join(',\n')}\n${indent}]`;
  const data =
    shown.kind === 'encode'
      ? list(shown.parts, '')
      : `[${one(shown.query).slice(0, -1)}, "matches": ${list(shown.candidates, '')}}]`;
  const key = keyed ? ' -H "authorization: Bearer $CLIP_AUTH_TOKEN"' : '';
  return [
    `curl -s ${server}/${shown.kind} -H 'content-type: application/json'${key} -d @- <<END`,
    `{"data": ${data}}`,
    'END',
  ].join('\n');
}

/** Inside a here-document the shell still reads these. */
function shellSafe(json: string): string {
  return json.replace(/[\\$`]/g, '\\$&');
}

function shellWord(name: string): string {
  return `'${name.replaceAll("'", "'\\''")}'`;
}

function python(shown: Shown, { server, keyed }: Site): string {
  const document = (part: Part) =>
    'text' in part ? `Document(text=${literal(part.text)})` : `Document(uri=${literal(part.picture.name)})`;
  // A text that ends like a file's name would be taken for one.
  const plain = (part: Part) =>
    'text' in part ? !/\.\w+$/.test(part.text) : /\.\w+$/.test(part.picture.name);
  const isPlain = shown.kind === 'encode' && shown.parts.every(plain);
  const item = (part: Part) => {
    if (!isPlain) return document(part);
    return literal('text' in part ? part.text : part.picture.name);
  };
  const lines = [
    'from clip_client import Client',
    ...(isPlain ? [] : ['from docarray import Document']),
    '',
    ...(keyed ? ['# CLIP_AUTH_TOKEN holds the key.'] : []),
    `client = Client('${server}')`,
  ];
  if (shown.kind === 'encode')
    return [...lines, `vectors = client.encode(${bracket(shown.parts.map(item))})`].join('\n');
  const query = document(shown.query).slice(0, -1);
  const matches = bracket(shown.candidates.map(document));
  return [
    ...lines,
    `[ranked] = client.rank([${query}, matches=${matches})])`,
    'for match in ranked.matches:',
    "    print(match.scores['clip_score'].value, match.text or match.uri)",
  ].join('\n');
}

function typescript(shown: Shown, { server, keyed }: Site): string {
  const item = (part: Part) =>
    'text' in part ? literal(part.text) : `{ file: ${literal(part.picture.name)} }`;
  const lines = [
    "import { Client } from 'clip-server/client';",
    '',
    ...(keyed ? ['// CLIP_AUTH_TOKEN holds the key.'] : []),
    `const client = new Client('${server}');`,
  ];
  const call =
    shown.kind === 'encode'
      ? `const vectors = await client.encode(${bracket(shown.parts.map(item))});`
      : `const matches = await client.rank(${item(shown.query)}, ${bracket(shown.candidates.map(item))});`;
  return [...lines, call, 'await client.close();'].join('\n');
}

/** Strings of JSON are strings of Python and of TypeScript. */
function literal(text: string): string {
  return JSON.stringify(text);
}

function bracket(items: readonly string[]): string {
  const line = `[${items.join(', ')}]`;
  return line.length <= 60 ? line : `[\n${items.map((item) => `    ${item},\n`).join('')}]`;
}
