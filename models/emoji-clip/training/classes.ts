import { createRequire } from 'node:module';

/** One thing that a picture can show: an entry of emojibase, without its skin tones. */
export interface EmojiClass {
  readonly hexcode: string;
  readonly emoji: string;
  readonly label: string;
  readonly tags: readonly string[];
  /** Unicode's number of the group: 3 is animals and nature, 4 food and drink. */
  readonly group: number;
}

const packages = createRequire(import.meta.url);

/** Every emoji that has a group, which leaves out lone letters of flags and skin tones. In emojibase's order. */
export function readClasses(): EmojiClass[] {
  const entries: Partial<EmojiClass>[] = packages('emojibase-data/en/data.json');
  return entries
    .filter((entry) => entry.group !== undefined)
    .map(({ hexcode, emoji, label, tags = [], group }) => ({
      hexcode: hexcode!,
      emoji: emoji!,
      label: label!,
      tags,
      group: group!,
    }));
}

/** How sets write code points: lower case, joined by hyphens, without the mark that asks for a coloured picture. */
export function plainHexcode(hexcode: string): string {
  return hexcode.toLowerCase().replaceAll('-fe0f', '');
}

/** `Woman’s hat` → `womans-hat`: how icon sets name a picture. */
export function slug(label: string): string {
  return label
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f’'“”".,!():]/g, '')
    .replaceAll('&', 'and')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
