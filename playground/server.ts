/** What is embedded: words, or a picture. */
export type Part = { readonly text: string } | { readonly picture: Picture };

export interface Picture {
  /** Of its file. */
  readonly name: string;
  readonly blob: Blob;
  /** Where this page can show it from. */
  readonly url: string;
}

export interface State {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** Absent while the model is being loaded. */
  readonly model?: {
    readonly name: string;
    readonly runtime: string;
    readonly device: string;
    readonly precision: string;
    readonly width: number;
    readonly resolution: number;
  };
  readonly gallery: {
    readonly pictures: number;
    readonly embedded: number;
    readonly perSecond: number;
    readonly digest: string;
    readonly fault?: { readonly code: string; readonly message: string };
  };
}

export interface Match {
  readonly index: number;
  readonly cosine: number;
}

export interface Ranked extends Match {
  /** From 0 to 1; those of a ranking sum to 1. */
  readonly score: number;
}

/** What went wrong, in the server's own words where it said any. */
export class ServerFault extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const KEY = 'clip-server key';

/** Sent with every request from here on, and forgotten with the tab. */
export function useKey(key: string): void {
  sessionStorage.setItem(KEY, key);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

async function call(path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
  const key = sessionStorage.getItem(KEY);
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(key !== null && { authorization: `Bearer ${key}` }),
  };
  const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  let status: number;
  let answer: unknown;
  try {
    const response = await fetch(path, { ...sent, headers, signal: signal ?? null });
    status = response.status;
    answer = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    const why = navigator.onLine
      ? 'The server cannot be reached; it may have been stopped.'
      : 'This device is offline.';
    throw new ServerFault('unreachable', why);
  }
  if (status >= 400) throw faultOf(status, answer);
  return answer;
}

/** Malformed requests are answered with `detail`, all else with a code and a message. */
function faultOf(status: number, answer: unknown): ServerFault {
  const { error, detail, data } = (answer ?? {}) as {
    error?: { code: string; message: string };
    detail?: string | { msg: string }[];
    data?: { error?: { code: string; message: string } }[];
  };
  const said = error ?? data?.find((document) => document.error)?.error;
  if (said) return new ServerFault(said.code, said.message);
  const words = Array.isArray(detail) ? detail.map(({ msg }) => msg).join('; ') : detail;
  return new ServerFault(`HTTP ${status}`, words ?? 'The server gave no reason.');
}

async function documentOf(part: Part): Promise<object> {
  return 'text' in part ? { text: part.text } : { blob: await base64Of(part.picture.blob) };
}

function base64Of(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(new ServerFault('unreadable', 'The browser cannot read this file.'));
    reader.readAsDataURL(blob);
  });
}

/** Vectors as `/encode` gives them, in the order of the parts, and the milliseconds from here and back. */
export async function encode(
  parts: readonly Part[],
  signal?: AbortSignal,
): Promise<{ vectors: number[][]; ms: number }> {
  const data = await Promise.all(parts.map(documentOf));
  const began = performance.now();
  const answer = await call('encode', { data, parameters: { drop_image_content: true } }, signal);
  const ms = performance.now() - began;
  const documents = (answer as { data: { embedding: number[] | null }[] }).data;
  if (documents.some(({ embedding }) => embedding === null)) throw faultOf(200, answer);
  return { vectors: documents.map(({ embedding }) => embedding!), ms };
}

/** The candidates, best first, and the milliseconds from here and back. */
export async function rank(
  query: Part,
  candidates: readonly Part[],
  signal?: AbortSignal,
): Promise<{ ranked: Ranked[]; ms: number }> {
  const [root, ...matches] = await Promise.all([query, ...candidates].map(documentOf));
  const numbered = matches.map((match, i) => ({ ...match, id: String(i) }));
  const began = performance.now();
  const answer = await call('rank', { data: [{ ...root, matches: numbered }] }, signal);
  const ms = performance.now() - began;
  const [document] = (answer as { data: RankedDocument[] }).data;
  const ranked = document!.matches.map(({ id, scores }) => ({
    index: Number(id),
    score: scores.clip_score.value,
    cosine: scores.clip_score_cosine.value,
  }));
  return { ranked, ms };
}

interface RankedDocument {
  readonly matches: readonly {
    readonly id: string;
    readonly scores: Readonly<Record<'clip_score' | 'clip_score_cosine', { readonly value: number }>>;
  }[];
}

export async function nearest(
  vector: readonly number[],
  limit: number,
  signal?: AbortSignal,
): Promise<Match[]> {
  const answer = await call('playground/nearest', { vector, limit }, signal);
  return (answer as { matches: Match[] }).matches;
}

export async function state(): Promise<State> {
  return (await call('playground/state')) as State;
}

export async function names({ digest }: State['gallery']): Promise<readonly string[]> {
  return (await call(`playground/names/${digest}`)) as readonly string[];
}

export function pictureUrl({ digest }: State['gallery'], index: number): string {
  return `playground/pictures/${digest}/${index}`;
}
