// Reads an OpenAPI 3.1 description into what the API page shows: groups of operations, and schemas as short JSON-like text.

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
/** Deeper nesting, and schemas that contain themselves, end in an ellipsis. */
const DEPTH_MAX = 6;

/** Follows references inside the description. */
function resolverOf(description) {
  return function resolve(node) {
    let seen = node;
    for (let steps = 0; seen?.$ref && steps < 16; steps++) {
      const keys = seen.$ref.replace(/^#\//, "").split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
      seen = keys.reduce((inner, key) => inner?.[key], description);
    }
    return seen ?? {};
  };
}

/** @returns {{name: string, operations: object[]}[]} the operations by their first tag, else by the first part of the path. */
export function parts(description) {
  const resolve = resolverOf(description);
  const contentOf = (node) => Object.fromEntries(Object.entries(node.content ?? {}).map(([type, media]) => [type, { schema: media.schema, resolve }]));
  const groups = new Map();
  for (const [path, item] of Object.entries(description.paths ?? {})) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const own = (operation.parameters ?? []).map(resolve);
      const shared = (item.parameters ?? []).map(resolve).filter((parameter) => !own.some(({ name }) => name === parameter.name));
      const body = operation.requestBody && resolve(operation.requestBody);
      const name = operation.tags?.[0] ?? (path.startsWith("/api/v1") ? "Labtrail" : "MADSci");
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push({
        id: operation.operationId ?? `${method}${path.replaceAll(/[^A-Za-z0-9]+/g, "-")}`,
        method,
        path,
        summary: operation.summary ?? "",
        description: operation.description ?? "",
        parameters: [...shared, ...own],
        body: body && { required: Boolean(body.required), description: body.description, content: contentOf(body) },
        responses: Object.entries(operation.responses ?? {}).map(([status, answer]) => {
          const found = resolve(answer);
          return { status, description: found.description ?? "", content: contentOf(found) };
        }),
        resolve,
      });
    }
  }
  return [...groups].map(([name, operations]) => ({ name, operations }));
}

/** A type in a few words: `string (date-time)`, `integer 1 … 10000 = 200`, `"asc" | "desc"`. */
export function typeText(schemaOrReference, resolve) {
  const schema = resolve(schemaOrReference);
  if (schema === true) return "any";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const extras = [];
  if (schema.format) extras.push(`(${schema.format})`);
  if (schema.minimum !== undefined || schema.maximum !== undefined) extras.push(`${schema.minimum ?? ""} … ${schema.maximum ?? ""}`.trim());
  if (schema.default !== undefined && schema.default !== null) extras.push(`= ${JSON.stringify(schema.default)}`);
  const after = extras.length ? ` ${extras.join(" ")}` : "";
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ") + after;
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return [...new Set(several.map((inner) => typeText(inner, resolve)))].join(" | ") + after;
  if (schema.type === "array") return `[${typeText(schema.items ?? true, resolve)}]${after}`;
  return (Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? (schema.properties ? "object" : "any"))) + after;
}

/** A schema as the JSON it describes, with types for values and descriptions as comments. */
export function shapeText(schemaOrReference, resolve, depth = 0, within = []) {
  const schema = resolve(schemaOrReference);
  if (schema === true) return "any";
  if (depth > DEPTH_MAX || within.includes(schema)) return "…";
  const deeper = (inner, levels = 1) => shapeText(inner, resolve, depth + levels, [...within, schema]);
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return [...new Set(several.map((inner) => deeper(inner, 0)))].join(" | ");
  if (schema.allOf) return schema.allOf.map((inner) => deeper(inner, 0)).join(" & ");
  if (schema.type === "array" && schema.items) return `[${deeper(schema.items, 0)}, …]`;
  const free = schema.additionalProperties;
  const names = Object.entries(schema.properties ?? {});
  if (names.length === 0) return free && typeof free === "object" ? `{ "…": ${deeper(free)} }` : typeText(schema, resolve);
  const indent = "  ".repeat(depth + 1);
  const lines = names.map(([name, inner]) => {
    const note = inner.description ?? resolve(inner).description ?? "";
    const optional = schema.required?.includes(name) ? "" : "?";
    return `${indent}"${name}"${optional}: ${deeper(inner)},${note ? `  // ${note.split("\n")[0]}` : ""}`;
  });
  if (free && typeof free === "object") lines.push(`${indent}"…": ${deeper(free)},`);
  return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
}
