/** When a file that changes has come to rest: half a file may be a valid one, and laxer than the whole. */

/**
 * @param stampOf What a look at the file sees, such as its size and times; undefined where it is away.
 * @returns Looks once: true where two looks in a row saw the same, and it is not what was there before.
 */
export function createSettling(stampOf: () => string | undefined): () => boolean {
  let taken = stampOf();
  let before = taken;
  return () => {
    const now = stampOf();
    const settled = now !== undefined && now === before && now !== taken;
    if (settled) taken = now;
    before = now;
    return settled;
  };
}
