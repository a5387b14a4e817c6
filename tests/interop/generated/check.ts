// Compiled, not run: the types that openapi-typescript writes say what may be sent and what comes back.
import type { components, operations, paths } from "./schema";

type Json<R> = R extends { content: { "application/json": infer B } } ? B : never;
type Answer<O extends keyof operations, S extends keyof operations[O]["responses"]> = Json<
  operations[O]["responses"][S]
>;

const added: components["schemas"]["NewUser"] = { id: "auth0|5f7c8ec7", role: "admin" };
// @ts-expect-error there is no such role
const owner: components["schemas"]["NewUser"] = { id: "auth0|5f7c8ec7", role: "owner" };
// @ts-expect-error the id is not optional
const nobody: components["schemas"]["NewUser"] = { role: "member" };

type Revocation = NonNullable<
  operations["revokeAuthenticationTokens"]["requestBody"]
>["content"]["application/json"];
const all: Revocation = { all: true };
const some: Revocation = { filter: { status: "live", flagsAny: ["a"], neverUsed: true } };
// @ts-expect-error nothing is not everything
const none: Revocation = { all: false };
// @ts-expect-error a status that there is not
const mistyped: Revocation = { filter: { status: "alive" } };

const query: NonNullable<operations["listAuthenticationTokens"]["parameters"]["query"]> = {
  status: "expired",
  ordering: "-expiry",
  limit: 200,
};
// @ts-expect-error an order that there is not
const unordered: typeof query = { ordering: "name" };

export function textOf(token: Answer<"createAuthenticationToken", 201>): string | null {
  return token.authenticationToken;
}

export function usersOf(page: Answer<"listUsers", 200>): [string[], string | null] {
  const success: true = page.success;
  return success ? [page.results.map((user) => user.id), page.next] : [[], null];
}

export function listed(row: Answer<"listAuthenticationTokens", 200>["results"][number]): string {
  // @ts-expect-error a list never has a text
  void row.authenticationToken;
  return `${row.user} ${row.status} ${row.flags.join(" ")}`;
}

export function sentence(problem: components["schemas"]["Problem"]): string {
  const success: false = problem.success;
  return success ? "" : problem.error;
}

export const me: keyof paths = "/me";
export { added, all, mistyped, nobody, none, owner, query, some, unordered };
