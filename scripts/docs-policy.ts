/** The generated parts of docs/policy.md, and the JSON Schemas of policy files. Pure but for reading the sources. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { policyJsonSchema, ruleSchema } from '../src/config/policy/schema.ts';
import { testsJsonSchema } from '../src/config/policy/tests-file.ts';
import { detailTypes, type FactType, factsOf, isFactGroup } from '../src/domain/policy/fact-types.ts';
import { packageRoot } from '../src/infra/package-root.ts';

/** Path → content, of every file that is generated whole. */
export function policySchemas(): Readonly<Record<string, string>> {
  return {
    'schema/policy.schema.json': `${JSON.stringify(policyJsonSchema(), null, 2)}\n`,
    'schema/policy-test.schema.json': `${JSON.stringify(testsJsonSchema(), null, 2)}\n`,
  };
}

/** docs/policy.md with its generated parts renewed. */
export function policyPage(page: string): string {
  return Object.entries({ rule: ruleTable(), facts: factsTables() }).reduce(
    (text, [name, part]) =>
      text.replace(
        new RegExp(`(<!-- generated: ${name} -->)[\\s\\S]*?(<!-- end -->)`),
        (_, begin: string, end: string) => `${begin}\n\n${part}\n\n${end}`,
      ),
    page,
  );
}

function ruleTable(): string {
  const { properties = {}, required = [] } = z.toJSONSchema(ruleSchema, {
    io: 'input',
    reused: 'inline',
  }) as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return table(
    ['setting', 'needed', 'what'],
    Object.entries(properties).map(([name, { description = '' }]) => [
      `\`${name}\``,
      required.includes(name) ? 'yes' : '',
      description,
    ]),
  );
}

interface Member {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
}

/** The facts as src/domain/policy/facts.ts says them: one table for each group. */
function factsTables(): string {
  const source = readFileSync(join(packageRoot(), 'src/domain/policy/facts.ts'), 'utf8');
  const groups = membersOf(source, 'PolicyFacts').map(({ name, type }) => {
    const comment = commentOf(source, type);
    return [`### ${name}`, ...(comment ? [comment] : []), factTable(name, membersOf(source, type))];
  });
  const details = ['### Entries of request.details', factTable('', membersOf(source, 'DetailFacts'))];
  return [...groups, details].flat().join('\n\n');
}

function factTable(group: string, members: readonly Member[]): string {
  const types: Readonly<Record<string, FactType>> = isFactGroup(group) ? factsOf(group) : detailTypes;
  return table(
    ['fact', 'kind', 'unknown', 'what'],
    members.map(({ name, comment }) => {
      const type = types[name];
      return [
        `\`${group ? `${group}.` : ''}${name}\``,
        kindOf(type),
        restOf(type),
        comment.replaceAll('|', '\\|'),
      ];
    }),
  );
}

function kindOf(type: FactType | undefined): string {
  if (type?.kind !== 'list') return type?.kind ?? '';
  return `list of ${type.of}s, ${type.most} at most`;
}

function restOf(type: FactType | undefined): string {
  if (type?.kind === 'flag') return '`false`';
  if (type?.kind === 'list') return '`[]`';
  return `\`${JSON.stringify(type?.rest)}\``;
}

function membersOf(source: string, name: string): Member[] {
  const [, body = ''] = new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(source) ?? [];
  return [...body.matchAll(/(?:\/\*\*([\s\S]*?)\*\/\s*)?readonly (\w+): ([^;]+);/g)].map(
    ([, comment = '', member = '', type = '']) => ({ name: member, type, comment: plain(comment) }),
  );
}

function commentOf(source: string, name: string): string {
  const [, comment = ''] =
    new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\nexport interface ${name} `).exec(source) ?? [];
  return plain(comment);
}

function plain(comment: string): string {
  return comment.replace(/\n\s*\* ?/g, ' ').trim();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
