/**
 * C++ text: for each of the interfaces, a class that implements every function, where a call ends the process with the function's
 * name. The fakes derive from these and replace what they fake, so that the same source serves headers with more or fewer functions.
 */
export function stubs(header: string, interfaces: readonly string[], namespace: string): string {
  const classes = interfaces.map((name) => stub(header, name));
  return `namespace ${namespace} {\n${classes.join('\n')}\n}  // namespace ${namespace}\n`;
}

function stub(header: string, name: string): string {
  const body = new RegExp(`^class ${name}\\b[^;{]*\\{(.*?)^\\};`, 'ms').exec(header)?.[1];
  if (body === undefined) throw new Error(`expected a class ${name} in the header, found none`);
  const functions = [...plain(body).matchAll(/virtual\s+([^;{}]*?)\s*=\s*0\s*;/g)].map(([, signature]) =>
    stubFunction(signature!, name),
  );
  return `class ${name}Stub : public ${name} {\n public:\n${functions.join('\n')}\n};`;
}

/** `bool f(int a) const noexcept` → the same with a body. */
function stubFunction(signature: string, owner: string): string {
  const words = signature.replaceAll(/\s+/g, ' ');
  const name = /(\w+) ?\(/.exec(words)![1]!;
  return `  ${words} override { fakes::refuse("${owner}::${name} is not faked"); }`;
}

/** Without comments, attributes and the functions that no library was compiled with. */
function plain(body: string): string {
  return body
    .replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, '')
    .replaceAll(/#if ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION.*?#endif/gs, '')
    .replaceAll(/\bTRT_(?:NODISCARD|DEPRECATED)\b/g, '');
}
