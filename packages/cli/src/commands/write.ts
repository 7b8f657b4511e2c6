/** Waits until it is out: the process exits behind it. */
export function write(stream: NodeJS.WriteStream, content: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (content.length === 0) resolve();
    else stream.write(content, () => resolve());
  });
}
