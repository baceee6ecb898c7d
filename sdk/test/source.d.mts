/** Every export, for the contract. */
export {};
