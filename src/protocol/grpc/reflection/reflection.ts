import { status } from '@grpc/grpc-js';
import { Reader } from '../../jina/wire/reader.ts';
import { encodeMessage, type Writer } from '../../jina/wire/writer.ts';
import type { Method } from '../method.ts';
import type { Descriptors } from './descriptors.ts';

const sized = (number: number): number => (number << 3) | 2;
/** Tags of ServerReflectionRequest; the oneof that says what is asked. */
const ASKED = {
  fileByFilename: sized(3),
  fileContainingSymbol: sized(4),
  fileContainingExtension: sized(5),
  extensionNumbers: sized(6),
  listServices: sized(7),
};
const HOST = sized(1);
/** Tags of ServerReflectionResponse and of the messages inside. */
const VALID_HOST = sized(1);
const ORIGINAL_REQUEST = sized(2);
const FILES = sized(4);
const EXTENSIONS = sized(5);
const SERVICES = sized(6);
const ERROR = sized(7);
const FIRST_TEXT = sized(1);
const FIRST_NUMBER = 1 << 3;
const SECOND_TEXT = sized(2);

/**
 * `ServerReflection`, in both its packages: what services there are, and what their messages look like.
 *
 * @param services names in the order in which they are listed
 */
export function reflectionMethods(descriptors: Descriptors, services: readonly string[]): Method[] {
  return ['v1alpha', 'v1'].map((version) => ({
    path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    probe: true,
    counts: false,
    serve: async (call) => {
      for await (const request of call)
        await call.send(await call.pack(answer(request, descriptors, services)));
    },
  }));
}

function answer(request: Uint8Array, descriptors: Descriptors, services: readonly string[]): Uint8Array {
  const { host, asked, text } = read(request);
  const files = (name: string | undefined): Uint8Array[] | undefined =>
    name === undefined ? undefined : descriptors.withImports(name);
  return encodeMessage((out) => {
    out.text(VALID_HOST, host);
    out.bytes(ORIGINAL_REQUEST, request);
    switch (asked) {
      case ASKED.fileByFilename:
        return writeFiles(out, files(text), text);
      case ASKED.fileContainingSymbol:
        return writeFiles(out, files(descriptors.fileOf(text)), text);
      case ASKED.extensionNumbers:
        // Messages of proto3 have none.
        return within(out, EXTENSIONS, () => out.text(FIRST_TEXT, text));
      case ASKED.listServices:
        return within(out, SERVICES, () => {
          for (const name of services) within(out, FIRST_TEXT, () => out.text(FIRST_TEXT, name));
        });
      case ASKED.fileContainingExtension:
        return writeError(out, status.NOT_FOUND, 'there are no extensions');
      default:
        return writeError(out, status.INVALID_ARGUMENT, 'expected a question, got none');
    }
  });
}

/** @throws ClipError invalid_request */
function read(request: Uint8Array): { host: string; asked: number; text: string } {
  const reader = new Reader(request, 2);
  const tags = new Set(Object.values(ASKED));
  const question = { host: '', asked: 0, text: '' };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === HOST) question.host = reader.string();
    else if (tag === ASKED.fileContainingExtension) {
      question.asked = tag;
      reader.skip(tag);
    } else if (tags.has(tag)) {
      question.asked = tag;
      question.text = reader.string();
    } else reader.skip(tag);
  }
  return question;
}

function writeFiles(out: Writer, files: readonly Uint8Array[] | undefined, asked: string): void {
  if (files)
    within(out, FILES, () => {
      for (const file of files) out.bytes(FIRST_TEXT, file);
    });
  else writeError(out, status.NOT_FOUND, `there is no ${asked}`);
}

function writeError(out: Writer, code: number, message: string): void {
  within(out, ERROR, () => {
    out.uint32(FIRST_NUMBER, code);
    out.string(SECOND_TEXT, message);
  });
}

function within(out: Writer, tag: number, write: () => void): void {
  const opened = out.open(tag);
  write();
  out.close(opened);
}
