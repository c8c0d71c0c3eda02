import type { Logger } from '../observe/log.ts';
import type { EmbeddingService } from '../service/item.ts';
import { Gallery } from './gallery.ts';
import { readPictures } from './gallery-file.ts';
import { type PageFile, readPageFiles } from './page-files.ts';

/** The page on which the model can be tried, and the pictures that it searches. */
export interface Playground {
  readonly page: ReadonlyMap<string, PageFile>;
  readonly gallery: Gallery;
}

/** Reads what it serves; nothing is embedded yet. @throws Error where a file cannot be read */
export async function openPlayground(options: {
  readonly service: Pick<EmbeddingService, 'enter' | 'encode'>;
  readonly log: Logger;
}): Promise<Playground> {
  const [page, pictures] = await Promise.all([readPageFiles(), readPictures()]);
  return { page, gallery: new Gallery({ ...options, pictures }) };
}
