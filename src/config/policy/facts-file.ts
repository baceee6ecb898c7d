/** Facts in a file: those that matter, the others at rest. */
import { z } from 'zod';
import {
  detailTypes,
  type FactType,
  factGroups,
  factsOf,
  LONGEST_TEXT,
} from '../../domain/policy/fact-types.ts';
import type { PolicyFacts } from '../../domain/policy/facts.ts';
import { completeFacts } from '../../domain/policy/prepared-facts.ts';
import { inFileOrder, type PlacedFault, readYaml, shapeFaults } from '../yaml-file.ts';

export const factsSchema = z.strictObject(
  Object.fromEntries(factGroups.map((group) => [group, groupSchema(factsOf(group)).optional()])),
);

/** The facts of a YAML file, completed; or what is wrong with it. */
export function loadFacts(
  text: string,
):
  | { readonly facts: PolicyFacts; readonly faults: readonly [] }
  | { readonly faults: readonly PlacedFault[] } {
  const file = readYaml(text);
  if ('faults' in file) return file;
  const parsed = factsSchema.safeParse(file.raw ?? {});
  return parsed.success
    ? { facts: completeFacts(parsed.data), faults: [] }
    : { faults: inFileOrder(shapeFaults(file, factsSchema, parsed.error.issues)) };
}

function groupSchema(types: Readonly<Record<string, FactType>>) {
  return z.strictObject(
    Object.fromEntries(Object.entries(types).map(([name, type]) => [name, factSchema(type).optional()])),
  );
}

function factSchema(type: FactType): z.ZodType {
  switch (type.kind) {
    case 'flag':
      return z.boolean();
    case 'number':
      return z.union([z.number(), z.literal(Number.POSITIVE_INFINITY)], 'expected a number');
    case 'text':
      return type.values ? z.enum(type.values) : z.string().max(LONGEST_TEXT);
    case 'list':
      return z
        .array(type.of === 'text' ? z.string().max(LONGEST_TEXT) : groupSchema(detailTypes))
        .max(type.most);
  }
}
