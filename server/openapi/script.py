"""What the page does where JavaScript runs: it searches, and sends requests."""

SCRIPT = """
"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const here = new URL(".", location.href).href.replace(/\\/$/, "");
const operations = all("details.operation");

for (const shown of all("pre.code"))
  shown.textContent = shown.textContent.replaceAll("http://localhost:8080", here);
for (const hidden of all("[hidden]")) hidden.hidden = false;

const find = document.getElementById("find");
const filter = () => {
  const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let n = 0;
  for (const each of operations) {
    const text = each.textContent.toLowerCase();
    each.hidden = !words.every((word) => text.includes(word));
    n += each.hidden ? 0 : 1;
  }
  for (const section of all("section.tag"))
    section.hidden = !section.querySelector("details.operation:not([hidden])");
  document.getElementById("found").textContent =
    words.length ? `${n} of ${operations.length} operations` : "";
};
find.addEventListener("input", filter);

const openTarget = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.closest("[hidden]")) {
    find.value = "";
    filter();
    target.scrollIntoView();
  }
  if (target instanceof HTMLDetailsElement) target.open = true;
};
addEventListener("hashchange", openTarget);
openTarget();

const readable = (text, type) => {
  if (!type.includes("json")) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

const send = async (form) => {
  const query = new URLSearchParams(), options = { method: form.dataset.method };
  let path = form.dataset.path;
  options.headers = {};
  for (const field of all("[data-in]", form)) {
    const { name, value } = field, place = field.dataset.in;
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (!value) continue;
    else if (place === "query") query.append(name, value);
    else if (place === "header") options.headers[name] = value;
    else options.body = value;
  }
  const asked = query.toString();
  const began = performance.now();
  const answer = await fetch(here + path + (asked && `?${asked}`), options);
  const text = await answer.text(), type = answer.headers.get("content-type") ?? "";
  const took = (performance.now() - began).toFixed(0);
  const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  return [`${answer.status} ${answer.statusText}, ${took} ms`, ...fields, "",
          readable(text, type)].join("\\n");
};

for (const form of all("form.try"))
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const output = form.querySelector("output");
    output.textContent = "…";
    try { output.textContent = await send(form); }
    catch (error) { output.textContent = `There is no answer: ${error.message}`; }
  });
"""
