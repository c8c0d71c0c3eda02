import type { TowerContract } from '../../model/tower.ts';

/** Which graph of a tower serves, and why. */
export type Verdict =
  | { readonly served: 'rewritten'; readonly reason: 'proved'; readonly contract: TowerContract }
  | {
      readonly served: 'original';
      readonly reason: 'not_recognised' | 'not_proved' | 'failed' | 'off';
      /** Completes "… because". */
      readonly detail: string;
    };

/** What is settled for good: the same files would come to the same end at the next start. */
export type Settled = Extract<Verdict, { served: 'rewritten' }> | Refusal;

export interface Refusal {
  readonly served: 'original';
  readonly reason: 'not_recognised' | 'not_proved';
  readonly detail: string;
}
