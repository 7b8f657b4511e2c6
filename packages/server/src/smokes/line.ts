/** Work that waits, each piece by its key; what was put last is done first. */
export interface Line<Piece> {
  /** Resolves when all of these have been done. A piece that waits already is done once. */
  put(pieces: readonly Piece[]): Promise<void>;
}

/** @param work never rejects */
export function createLine<Piece extends { readonly key: string }>(
  work: (piece: Piece) => Promise<void>,
  atOnceMax: number,
): Line<Piece> {
  const waiting = new Map<string, { readonly piece: Piece; readonly done: () => void }>();
  const promises = new Map<string, Promise<void>>();
  let working = 0;
  const next = (): void => {
    const [last] = [...waiting].slice(-1);
    if (last === undefined || working >= atOnceMax) return;
    const [key, { piece, done }] = last;
    waiting.delete(key);
    working += 1;
    void work(piece).finally(() => {
      working -= 1;
      promises.delete(key);
      done();
      next();
    });
    next();
  };
  const put = (piece: Piece): Promise<void> => {
    const { key } = piece;
    const entry = waiting.get(key);
    if (entry !== undefined) {
      waiting.delete(key); // It goes to the front with what came along.
      waiting.set(key, entry);
    }
    const known = promises.get(key);
    if (known !== undefined) return known;
    const promise = new Promise<void>((done) => waiting.set(key, { piece, done }));
    promises.set(key, promise);
    return promise;
  };
  return {
    put: async (pieces) => {
      // The first of them shall be done first, so it is put last.
      const all = [...pieces].reverse().map(put);
      next();
      await Promise.all(all);
    },
  };
}
