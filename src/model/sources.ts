import { ConfigError } from '../config/config.ts';
import type { CatalogueModel } from './catalogue.ts';

const HUB = 'https://huggingface.co';
/** The hub's repository holds every file in one folder, under flattened names. */
const HUB_TEMPLATE = '/jinaai/clip-models/resolve/main/{folder}-{file}';
/** The bucket that the reference server names; it has refused requests since 2023, on and off. */
const BUCKET =
  'https://clip-as-service.s3.us-east-2.amazonaws.com/models-436c69702d61732d53657276696365/onnx/{folder}/{file}';
const SCHEMES = ['https:', 'http:', 'file:'];

type Environment = Readonly<Record<string, string | undefined>>;

/** The hub's base URL: `HF_ENDPOINT`, else the public one. */
export function hubEndpoint(environment: Environment): string {
  return (environment.HF_ENDPOINT || HUB).replace(/\/+$/, '');
}

/**
 * URLs of one published file in the order tried. A configured source is a template with `{folder}`, `{file}` and
 * `{name}`, or a base below which the file lies at `{folder}/{file}`. Throws a ConfigError for any other thing.
 */
export function fileUrls(
  model: CatalogueModel,
  file: string,
  sources: readonly string[] | undefined,
  environment: Environment,
): URL[] {
  const templates = sources ?? [hubEndpoint(environment) + HUB_TEMPLATE, BUCKET];
  const values: Record<string, string> = { folder: model.folder, file, name: model.name };
  return templates.map((source) => {
    const template = source.includes('{') ? source : `${source.replace(/\/+$/, '')}/{folder}/{file}`;
    const filled = template.replace(/\{(\w+)\}/g, (whole, key: string) => {
      const value = values[key];
      if (value === undefined) {
        throw new ConfigError(`source ${source}: ${whole} is not one of {folder}, {file} and {name}`);
      }
      return encodeURIComponent(value);
    });
    if (!URL.canParse(filled) || !SCHEMES.includes(new URL(filled).protocol)) {
      throw new ConfigError(`source ${source}: expected an https:, http: or file: URL`);
    }
    return new URL(filled);
  });
}

/** A URL fit for messages: without password and query. */
export function printable(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
