// The life of an environment through a client that others' generator made of /openapi.json: it does not compile where the document
// and the use differ.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2] });

function expect(what: string, found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
  }
}

/** Returns the data of an answer, which must not be a problem. */
function good<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (!answer.response.ok) {
    throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data as T;
}

const environment = { project: "infra-demo", env: "dev" };
const key = { ...environment, key: "LOG_LEVEL" };

const created = good(await client.POST("/api/v1/environments", {
  body: { ...environment, description: "Where developers try things", create_missing: true },
}));
expect("the revision after creation", created.revision, 1);

const batch: components["schemas"]["NewBatch"] = {
  groups: [
    { items: [{ ...key, put: { type: "string", value: "debug" }, expect_absent: true }] },
    { items: [{ ...environment, key: "PORT", put: { type: "number", value: "8080.0" } }] },
  ],
};
const headers = { "Idempotency-Key": "0198c1de-8a5c-7b6e-9b1f-2d3c4b5a6978" };
const results = good(await client.POST("/api/v1/variables", { params: { header: headers }, body: batch }));
expect("the results", results.results.map((result) => result.status), ["written", "written"]);
const replayed = good(await client.POST("/api/v1/variables", { params: { header: headers }, body: batch }));
expect("the repeated batch", replayed.replayed, true);

const read = await client.GET("/api/v1/environments/{project}/{env}/variables/{key}", { params: { path: key } });
const etag = read.response.headers.get("etag") ?? "";
expect("the value", good(read), { ...good(read), value: "debug" });
good(await client.PUT("/api/v1/environments/{project}/{env}/variables/{key}", {
  params: { path: key, header: { "If-Match": etag } },
  body: { type: "string", value: "info" },
}));
const late = await client.PUT("/api/v1/environments/{project}/{env}/variables/{key}", {
  params: { path: key, header: { "If-Match": etag } },
  body: { type: "string", value: "warn" },
});
const problem: components["schemas"]["ProblemBody"] | undefined = late.error;
expect("the late write", [late.response.status, problem?.code, problem?.current_revision], [412, "conflict", 3]);

const snapshot = good(await client.GET("/api/v1/environments/{project}/{env}/snapshot", { params: { path: environment } }));
expect("the variables", snapshot.variables.map((variable) => [variable.key, variable.value]), [["LOG_LEVEL", "info"], ["PORT", "8080"]]);
const difference = good(await client.GET("/api/v1/diff", { params: { query: { from: "infra-demo/dev@2", to: "infra-demo/dev" } } }));
expect("the difference", difference.changed.map((change) => change.key), ["LOG_LEVEL"]);
const rolled = good(await client.POST("/api/v1/environments/{project}/{env}/rollback", {
  params: { path: environment }, body: { to_revision: 2 },
}));
expect("the rollback", [rolled.environment.revision, rolled.written_variable_count], [4, 1]);
const history = good(await client.GET("/api/v1/environments/{project}/{env}/history", {
  params: { path: environment, query: { key: "LOG_LEVEL" } },
}));
expect("the history", history.entries.map((entry) => entry.new_value), ["debug", "info", "debug"]);

good(await client.DELETE("/api/v1/environments/{project}/{env}", { params: { path: environment, query: { force: true } } }));
const gone = await client.GET("/api/v1/environments/{project}/{env}", { params: { path: environment } });
expect("after the deletion", gone.response.status, 404);
console.log("an environment lived");
