/** What the reference's platform table says for names that a CLIP request is likely to carry. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  bmp: 'image/bmp',
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  htm: 'text/html',
  html: 'text/html',
  ico: 'image/vnd.microsoft.icon',
  jpe: 'image/jpeg',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  txt: 'text/plain',
  webp: 'image/webp',
};

/** The MIME type that docarray writes into a document that has a URI and no type: by file name, or by the `data:` prefix. */
export function mimeTypeOfUri(uri: string): string | undefined {
  if (/^data:/i.test(uri)) {
    const comma = uri.indexOf(',');
    if (comma < 0) return undefined;
    const type = uri.slice('data:'.length, comma).split(';', 1)[0]!;
    return type.includes('/') && !type.includes('=') ? type : 'text/plain';
  }
  const extension = /\.([a-z0-9]{1,5})$/i.exec(uri)?.[1]?.toLowerCase();
  return extension !== undefined && Object.hasOwn(BY_EXTENSION, extension)
    ? BY_EXTENSION[extension]
    : undefined;
}
