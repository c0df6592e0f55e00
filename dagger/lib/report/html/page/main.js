import { find } from "./find.js"
import { treemap } from "./treemap.js"

/** @type {import("../data.ts").PageData} */
const data = JSON.parse(document.getElementById("fleet-data")?.textContent ?? "")
treemap(data)
find(data)
