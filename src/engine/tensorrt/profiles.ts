import type { TowerContract } from '../../model/tower.ts';
import type { Profile } from '../../native/tensorrt.ts';

/** Profiles of the graph that the contract describes, for 1 … `maxBatch` rows; none where every dimension is fixed. */
export declare function profilesOf(contract: TowerContract, maxBatch: number): Profile[];
