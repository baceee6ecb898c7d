/** Keys for DPoP (RFC 9449): ES256, the private half never leaves WebCrypto. */

export function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
}

/** Keys that stay in the browser's IndexedDB, made at the first call; scripts may use them and cannot take them. */
export function indexedDbKeys(name = 'stile'): () => Promise<CryptoKeyPair> {
  return async () => {
    const database = await openDatabase(name);
    try {
      const made = await generateKeys(); // before the transaction, which does not wait
      return await putOnce(database, made);
    } finally {
      database.close();
    }
  };
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore('keys');
  return resultOf(request);
}

/** One transaction: of two tabs, the first one's keys stay. */
async function putOnce(database: IDBDatabase, made: CryptoKeyPair): Promise<CryptoKeyPair> {
  const keys = database.transaction('keys', 'readwrite').objectStore('keys');
  const found: unknown = await resultOf(keys.get('dpop'));
  if (found !== undefined) return found as CryptoKeyPair;
  await resultOf(keys.put(made, 'dpop'));
  return made;
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
