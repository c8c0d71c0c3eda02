import type { Rewrite } from './work.ts';

export const rewriteTower: Rewrite = async () => ({ unrecognised: 'nothing is recognised yet' });
