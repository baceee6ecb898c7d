/** Browsers that people asked to be remembered. */

/** A browser that a person asked to be remembered; see services/remembered-devices. Hashes are SHA-256, base64url. */
export interface RememberedDevice {
  readonly id: string;
  readonly accountId: string;
  readonly secretHash: string;
  readonly previousHash: string | null;
  readonly rotatedAt: number;
  /** Of the browser's cookie at the last use; null: not known. */
  readonly browserHash: string | null;
  readonly userAgent: string | null;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
}

export interface RememberedDeviceStore {
  add(
    device: Pick<
      RememberedDevice,
      'id' | 'accountId' | 'secretHash' | 'browserHash' | 'userAgent' | 'createdAt' | 'expiresAt'
    >,
  ): Promise<void>;
  byIds(accountId: string, ids: readonly string[], now: number): Promise<RememberedDevice[]>;
  byAccount(accountId: string, now: number): Promise<RememberedDevice[]>;
  /** Replaces the secret: one conditional UPDATE. False: another request has replaced it. */
  rotate(renewed: RenewedDevice): Promise<boolean>;
  remove(accountId: string, id: string): Promise<boolean>;
  /** All but those of the browser with these keys; one whose browser is not known goes. */
  removeAll(accountId: string, except: readonly string[]): Promise<void>;
}

export interface RenewedDevice {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly browserHash: string | null;
  readonly userAgent: string | null;
  readonly now: number;
  readonly expiresAt: number;
}
