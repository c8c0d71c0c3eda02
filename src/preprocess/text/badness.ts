/**
 * Tells text that was decoded with the wrong encoding by neighbours that real text hardly has: the heuristic of
 * ftfy 6.3.1 (`ftfy.badness`). The classes and rules are its, so that both judge every text alike; a class or rule
 * must not be bettered here.
 */

// Contents of character classes.
const COMMON = '\\xa0\\xad·´–—―…’';
const C1 = '\\x80-\\x9f';
const BAD = '¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\\ufffdªº';
const LAW = '¶§';
const CURRENCY = '¢£¥₧€';
const OPENING = '¡«¿©\\u0384\\u0385‘‚“„•‹\\uf8ff';
const CLOSING = '®»˝”›™';
const NUMERIC = '²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№';
/** Letters that faces are made of. */
const FACE = 'Ò-ÖÙ-Üò-öø-üŐŌŪŲ°';
const UPPER = 'À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ';
const LOWER = 'ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ';
const UPPER_GREEK_CYRILLIC = 'ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я';
const LOWER_GREEK_CYRILLIC = 'α-ωάέήίΰа-џ';
const BOX = '│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓';

const ACCENTED = LOWER + UPPER;
const SIGNS = OPENING + CLOSING + CURRENCY + NUMERIC + LAW;
/** Python's `\s` and `\w`, which differ from JavaScript's. */
const SPACE = '[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const WORD = '[\\p{L}\\p{N}_]';
const ARABIC_LEAD = `[ØÙ][${COMMON}${CURRENCY}${BAD}${NUMERIC}${OPENING}ŸŠ®°µ»]`;

const RULES = [
  `[${C1}]`,

  // Pairs and triples of kinds.
  `[${BAD}${ACCENTED}${BOX}${SIGNS}][${BAD}]`,
  `[a-zA-Z][${LOWER_GREEK_CYRILLIC}${UPPER_GREEK_CYRILLIC}][${BAD}]`,
  `[${BAD}][${ACCENTED}${BOX}${SIGNS}]`,
  `[${LOWER}${LOWER_GREEK_CYRILLIC}${BOX}${CLOSING}${CURRENCY}${NUMERIC}][${UPPER}]`,
  `[${BOX}${CLOSING}${CURRENCY}${NUMERIC}][${LOWER}]`,
  `[${LOWER}${BOX}${CLOSING}][${CURRENCY}]`,
  `${SPACE}[${UPPER}][${CURRENCY}]`,
  `[${UPPER}${BOX}][${NUMERIC}${LAW}]`,
  `[${ACCENTED}${BOX}${CURRENCY}${CLOSING}][${OPENING}][${NUMERIC}]`,
  `[${ACCENTED}${CURRENCY}${NUMERIC}${BOX}${LAW}][${CLOSING}][${OPENING}]`,
  `[${CURRENCY}${NUMERIC}${BOX}][${OPENING}]`,
  `[a-z][${UPPER}][${OPENING}${CURRENCY}]`,
  `[${BOX}][${FACE}]`,
  `[${ACCENTED}${SIGNS}][${BOX}]`,
  `[${BOX}][${CLOSING}]`,
  `[${ACCENTED}][${OPENING}${CLOSING}]${WORD}`,

  // Particular characters, windows-1252.
  '[Œœ][^A-Za-z]',
  `[${UPPER}]°`,
  `[ÂÃÎÐ][€œŠš¢£Ÿž\\xa0\\xad®©°·»${OPENING}${CLOSING}–—´]`,
  '×[²³]',
  ARABIC_LEAD + ARABIC_LEAD,
  'à[²µ¹¼½¾]',
  'Ã[\\xa0¡]',
  `[a-z]${SPACE}?[ÃÂ] `,
  '^[ÃÂ] ',
  `[a-z.,?!${CLOSING}]Â[ ${OPENING}${CLOSING}]`,

  // MacRoman.
  '√[±∂†≠®™´≤≥¥µø]',
  '≈[°¢]',
  '‚Ä[ìîïòôúùû†°¢π]',
  '‚[âó][àä°ê]',

  // windows-1251.
  'вЂ',
  `[ВГРС][${C1}${BAD}${OPENING}${CLOSING}${CURRENCY}°µ][ВГРС]`,
  'ГўВЂВ[^\\n][A-Za-z ]',

  // windows-1253 and windows-1257.
  'β€[™\\xa0Ά\\xad®°]',
  `[ΒΓΞΟ][${C1}${BAD}${OPENING}${CLOSING}${CURRENCY}°][ΒΓΞΟ]`,
  'ā€',
];

const UNLIKELY = new RegExp(RULES.join('|'), 'u');

/** What every rule needs: two neighbours beyond ASCII, or one of the few that are judged beside ASCII. */
const POSSIBLE = /[^\0-\x7f]{2}|[\x80-\x9fÂÃŒœ]/;

/** True where some of the text looks wrongly decoded. */
export function isBad(text: string): boolean {
  return POSSIBLE.test(text) && UNLIKELY.test(text);
}
