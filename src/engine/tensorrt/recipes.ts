import type { Tower } from '../../model/tower.ts';
import type { TowerRecipe } from './plan.ts';

/**
 * The recipe of the model's architecture, else of `default.yml`. `model` is a name of the catalogue or a custom model's.
 * @throws ConfigError with file and line
 */
export declare function towerRecipe(model: string, tower: Tower): Promise<TowerRecipe>;
