// Checks GraphQL questions against a part of a schema, as introspection tells it.
//   node graphql.mjs introspection.json < {"name": "query …"}
// Types that are not in that part are passed by. Prints what is wrong, one a line.
import {readFileSync} from "node:fs";
import {parse} from "graphql";

const told = JSON.parse(readFileSync(process.argv[2], "utf8"));
const types = new Map(told.types.map((type) => [type.name, type]));
const roots = {refund: "Refund", return: "Return", order: "Order"};
const questions = JSON.parse(readFileSync(0, "utf8"));
let checked = 0;
let wrong = 0;

function named(type) {
    return type.ofType ? named(type.ofType) : type.name;
}

function typeOf(parent, field) {
    const type = types.get(parent);
    if (!type) {
        // A connection has nodes of the type that it is named after.
        const inner = parent?.endsWith("Connection") && parent.slice(0, -10);
        return field === "nodes" ? inner || null : null;
    }
    if (field === "__typename") return null;
    checked += 1;
    const found = type.fields?.find((one) => one.name === field);
    return found ? named(found.type) : undefined;
}

function walk(name, set, parent, fragments) {
    for (const one of set?.selections ?? []) {
        if (one.kind === "Field") {
            const type =
                parent === "" ? roots[one.name.value] : typeOf(parent, one.name.value);
            if (type === undefined && parent !== "") {
                wrong += 1;
                console.log(`${name}: ${parent} has no ${one.name.value}`);
            }
            walk(name, one.selectionSet, type ?? null, fragments);
        } else if (one.kind === "InlineFragment") {
            const type = one.typeCondition?.name.value ?? parent;
            walk(name, one.selectionSet, type, fragments);
        } else {
            const fragment = fragments.get(one.name.value);
            const type = fragment.typeCondition.name.value;
            walk(name, fragment.selectionSet, type, fragments);
        }
    }
}

for (const [name, question] of Object.entries(questions)) {
    const {definitions} = parse(question);
    const fragments = new Map(
        definitions
            .filter((one) => one.kind === "FragmentDefinition")
            .map((one) => [one.name.value, one])
    );
    for (const one of definitions)
        if (one.kind === "OperationDefinition")
            walk(name, one.selectionSet, "", fragments);
}
console.log(`${checked} fields looked up, ${wrong} wrong`);
process.exit(wrong ? 1 : 0);
