import { copyFile, cp, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { fairleadRoot } from "./version.ts"

/** What `dagger functions` and `dagger call --help` tell of the module in dagger/, and what callers hold on to. */
export interface ModuleApi {
  /** The engine that dagger.json asks for. */
  engine: string
  description: string
  objects: Record<string, ApiObject>
}

export interface ApiObject {
  description: string
  /** Of the constructor: flags before the function's name. */
  arguments?: Record<string, ApiArgument>
  fields: Record<string, { description: string; type: string }>
  functions: Record<string, ApiFunction>
}

export interface ApiFunction {
  description: string
  arguments: Record<string, ApiArgument>
  returns: string
  /** "never": it looks at the world each time. Without it, the engine reuses the answer. */
  cache?: string
  /** `dagger check` runs it. */
  check?: true
}

export interface ApiArgument {
  description: string
  type: string
  optional: boolean
  default?: unknown
  defaultPath?: string
  ignore?: string[]
}

/** The module's API as the introspector of Dagger's own SDK finds it in dagger/src. Needs no engine. */
export async function moduleApi(): Promise<ModuleApi> {
  const { engineVersion, name } = JSON.parse(await readFile(join(fairleadRoot, "dagger.json"), "utf8"))
  const found = await introspected(name)
  const objects = Object.entries(found.objects).map(([key, object]): [string, ApiObject] => {
    const fields = Object.entries(object.properties).filter(([, { isExposed }]) => isExposed)
    return [
      key,
      {
        description: object.description || (key === found.name ? found.description : ""),
        // Nobody calls the constructors of other objects.
        ...(key === found.name && object._constructor ? { arguments: argumentsOf(object._constructor) } : {}),
        fields: mapped(Object.fromEntries(fields), ({ description, type }) => ({ description, type: typeText(type) })),
        functions: mapped(object.methods, functionOf),
      },
    ]
  })
  return { engine: engineVersion, description: found.description, objects: Object.fromEntries(objects) }
}

/** What has no description, by the words of a command line: nobody would know what to give or what to expect. */
export function undescribed({ description, objects }: ModuleApi): string[] {
  const found: [string, string][] = [["the module", description]]
  for (const [name, object] of Object.entries(objects)) {
    found.push([name, object.description])
    for (const [argument, each] of Object.entries(object.arguments ?? {}))
      found.push([`${name}(${argument})`, each.description])
    for (const [field, each] of Object.entries(object.fields)) found.push([`${name}.${field}`, each.description])
    for (const [method, each] of Object.entries(object.functions)) {
      found.push([`${name}.${method}`, each.description])
      for (const [argument, { description }] of Object.entries(each.arguments))
        found.push([`${name}.${method}(${argument})`, description])
    }
  }
  return found.filter(([, text]) => text.trim() === "").map(([what]) => what)
}

/**
 * As the engine does it: only dagger/src and the client are read. The npm package has the client as declarations; under the
 * name of its source the introspector takes them for that.
 */
async function introspected(name: string): Promise<FoundModule> {
  const sdk = join(fairleadRoot, "node_modules/@dagger.io/dagger/dist/src")
  const { scan } = await import(pathToFileURL(join(sdk, "module/introspector/index.js")).href)
  const folder = await mkdtemp(join(tmpdir(), "fairlead-api-"))
  try {
    const source = join(folder, "src")
    const client = join(folder, "client.gen.ts")
    await cp(join(fairleadRoot, "dagger/src"), source, { recursive: true })
    await copyFile(join(sdk, "api/client.gen.d.ts"), client)
    await symlink(join(fairleadRoot, "node_modules"), join(folder, "node_modules"))
    const files = (await readdir(source, { recursive: true })).filter((file) => /\.m?ts$/.test(file)).sort()
    return await scan([...files.map((file) => join(source, file)), client], name, false)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What is used of the introspector's answer; the package declares it under a path that it does not export. */
interface FoundModule {
  name: string
  description: string
  objects: Record<string, FoundObject>
}
interface FoundObject {
  description: string
  _constructor?: { arguments: Record<string, FoundArgument> }
  methods: Record<string, FoundFunction>
  properties: Record<string, { description: string; type: FoundType; isExposed: boolean }>
}
interface FoundFunction {
  description: string
  arguments: Record<string, FoundArgument>
  returnType: FoundType
  cache?: string
  isCheck: boolean
}
interface FoundArgument {
  description: string
  type: FoundType
  isOptional: boolean
  defaultValue?: unknown
  defaultPath?: string
  ignore?: string[]
}
interface FoundType {
  kind: string
  name?: string
  typeDef?: FoundType
}

const functionOf = (found: FoundFunction): ApiFunction => ({
  description: found.description,
  arguments: argumentsOf(found),
  returns: typeText(found.returnType),
  ...(found.cache ? { cache: found.cache } : {}),
  ...(found.isCheck ? { check: true } : {}),
})

const argumentsOf = ({ arguments: all }: { arguments: Record<string, FoundArgument> }): Record<string, ApiArgument> =>
  mapped(all, ({ description, type, isOptional, defaultValue, defaultPath, ignore }) => ({
    description,
    type: typeText(type),
    optional: isOptional || defaultValue !== undefined || defaultPath !== undefined,
    ...(defaultValue !== undefined ? { default: defaultValue } : {}),
    ...(defaultPath !== undefined ? { defaultPath } : {}),
    ...(ignore ? { ignore } : {}),
  }))

/** "String", "[String]", "Directory". */
const typeText = ({ kind, name, typeDef }: FoundType): string =>
  typeDef ? `[${typeText(typeDef)}]` : (name ?? `${kind[0]}${kind.slice(1).toLowerCase()}`.replace("_kind", ""))

const mapped = <V, W>(all: Record<string, V>, how: (value: V) => W): Record<string, W> =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, how(value)]))
