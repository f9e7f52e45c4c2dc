// Shows the OpenAPI document of this daemon, and sends requests to it. Everything from the document and from answers is
// inserted as text, never as markup.
"use strict";

const METHODS = ["get", "put", "post", "patch", "delete"];

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "class") made.className = value;
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function resolve(api, node) {
  let seen = 0;
  while (node && node.$ref && seen++ < 20) {
    node = node.$ref.replace(/^#\//, "").split("/").reduce((at, part) => at && at[part], api);
  }
  return node || {};
}

function typeName(api, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf) return schema.oneOf.map((one) => typeName(api, one)).join(" or ");
  if (schema.allOf) return schema.allOf.map((one) => typeName(api, one)).join(" and ");
  const types = [].concat(schema.type || "any").join(" or ");
  return schema.items ? types.replace("array", `list of ${typeName(api, schema.items)}`) : types;
}

function properties(api, schema) {
  const found = resolve(api, schema);
  const parts = (found.allOf || []).map((part) => properties(api, part));
  return Object.assign({}, ...parts, found.properties || {});
}

function example(api, schema, depth = 0) {
  const found = resolve(api, schema);
  if (found.examples && found.examples.length) return found.examples[0];
  if (found.example !== undefined) return found.example;
  if (found.enum) return found.enum[0];
  if (found.oneOf) return example(api, found.oneOf[found.oneOf.length - 1], depth + 1);
  if (depth > 5) return null;
  const type = [].concat(found.type || "object")[0];
  if (type === "array") return [example(api, found.items, depth + 1)];
  if (type === "string") return "";
  if (type === "integer" || type === "number") return 0;
  if (type === "boolean") return false;
  const required = found.required || [];
  const members = Object.entries(properties(api, found)).filter(([name]) => required.includes(name));
  return Object.fromEntries(members.map(([name, member]) => [name, example(api, member, depth + 1)]));
}

function schemaTable(api, schema) {
  const found = resolve(api, schema);
  const rows = Object.entries(properties(api, schema)).map(([name, member]) => element("tr", {},
    element("td", {}, element("code", {}, name)),
    element("td", {}, typeName(api, member)),
    element("td", {}, member.description || resolve(api, member).description || "")));
  if (!rows.length) return element("p", {}, found.description || "");
  return element("table", {}, element("tbody", {}, ...rows));
}

function requestForm(api, path, method, operation) {
  const parameters = (operation.parameters || []).map((parameter) => resolve(api, parameter));
  const inputs = parameters.map((parameter) => ({
    parameter,
    input: element("input", { value: parameter.in === "path" ? String(parameter.example ?? "") : "", spellcheck: false }),
  }));
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  const body = content
    ? element("textarea", { spellcheck: false, value: JSON.stringify(example(api, content.schema), null, 2) })
    : null;
  const answer = element("pre", { hidden: true });
  const send = element("button", { type: "button" }, "Send");
  let running = null;

  send.addEventListener("click", async () => {
    if (running) {
      running.abort();
      return;
    }
    running = new AbortController();
    send.textContent = "Stop";
    answer.hidden = false;
    answer.textContent = "…";
    try {
      await sendRequest(path, method, inputs, body, answer, running.signal);
    } catch (error) {
      answer.textContent += `\n${error.name === "AbortError" ? "stopped" : error}`;
    }
    running = null;
    send.textContent = "Send";
  });

  const labels = inputs.map(({ parameter, input }) => element("label", {},
    element("code", {}, parameter.name), ` (${parameter.in}${parameter.required ? ", required" : ""}) ${parameter.description || ""}`,
    input));
  return element("div", {},
    labels.length ? element("div", { class: "row" }, ...labels) : null,
    body ? element("label", {}, "Body", body) : null,
    send, answer);
}

async function sendRequest(path, method, inputs, body, answer, signal) {
  const headers = new Headers();
  const query = new URLSearchParams();
  let target = path;
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (parameter.in === "query") query.set(parameter.name, input.value);
    else if (parameter.in === "header") headers.set(parameter.name, input.value);
  }
  if (body) headers.set("Content-Type", "application/json");
  const token = document.getElementById("token").value;
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const address = query.size ? `${target}?${query}` : target;
  const options = { method: method.toUpperCase(), headers, body: body ? body.value : undefined, signal, cache: "no-store" };
  const response = await fetch(address, options);
  answer.textContent = `${response.status} ${response.statusText}\n`;
  for (const [name, value] of response.headers) answer.textContent += `${name}: ${value}\n`;
  answer.textContent += "\n";
  if (!response.body) return;
  const isJson = /json/.test(response.headers.get("content-type") || "");
  if (isJson) {
    answer.textContent += JSON.stringify(await response.json(), null, 2);
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) answer.textContent += part.value;
}

function show(api, path, method, operation) {
  const responses = Object.entries(operation.responses || {}).map(([status, response]) => {
    const found = resolve(api, response);
    const content = Object.entries(found.content || {})[0];
    return element("tr", {},
      element("td", {}, element("code", {}, status)),
      element("td", {}, content ? typeName(api, content[1].schema) : ""),
      element("td", {}, found.description || ""));
  });
  const request = operation.requestBody && operation.requestBody.content["application/json"];
  const succeeds = Object.entries(operation.responses || {}).find(([status]) => status === "200" || status === "201");
  const answered = succeeds && Object.values(resolve(api, succeeds[1]).content || {})[0];
  const details = element("details", { class: operation.deprecated ? "deprecated" : "", id: operation.operationId },
    element("summary", {},
      element("span", { class: "method" }, method.toUpperCase()),
      element("span", { class: "path" }, path),
      element("span", { class: "summary" }, operation.summary || "")));
  details.addEventListener("toggle", () => {
    if (details.querySelector(".content")) return;
    details.append(element("div", { class: "content" },
      element("p", {}, operation.description || ""),
      request ? element("h3", {}, "Request") : null, request ? schemaTable(api, request.schema) : null,
      element("h3", {}, "Answers"), element("table", {}, element("tbody", {}, ...responses)),
      answered ? element("h3", {}, typeName(api, answered.schema)) : null, answered ? schemaTable(api, answered.schema) : null,
      element("h3", {}, "Try it"), requestForm(api, path, method, operation)));
  });
  details.dataset.text = [method, path, operation.operationId, operation.summary, operation.description].join(" ").toLowerCase();
  return details;
}

async function main() {
  const place = document.getElementById("operations");
  document.getElementById("credentials").addEventListener("submit", (event) => event.preventDefault());
  const api = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = api.info.description;
  for (const tag of api.tags) {
    const operations = Object.entries(api.paths).flatMap(([path, item]) => METHODS
      .filter((method) => item[method] && item[method].tags.includes(tag.name))
      .map((method) => show(api, path, method, item[method])));
    if (operations.length) {
      place.append(element("section", {}, element("h2", {}, tag.name), element("p", {}, tag.description), ...operations));
    }
  }
  document.getElementById("filter").addEventListener("input", (event) => {
    const text = event.target.value.toLowerCase();
    for (const operation of place.querySelectorAll("details")) operation.hidden = !operation.dataset.text.includes(text);
  });
  if (location.hash) document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
}

main().catch((error) => { document.getElementById("operations").textContent = `Cannot load the document: ${error}`; });
