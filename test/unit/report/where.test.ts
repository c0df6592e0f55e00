import { expect, it } from "vitest"
import { placeIn } from "../../../dagger/lib/report/where.ts"

it.each([
  ["set by dockerfiles/family-web.Dockerfile:31  USER root", { file: "dockerfiles/family-web.Dockerfile", line: 31 }],
  ["see dockerfiles/base.Dockerfile", { file: "dockerfiles/base.Dockerfile" }],
  ["dockerfiles/requirements/web.lock:12", { file: "dockerfiles/requirements/web.lock", line: 12 }],
  ["fleet.yaml: families.web.budget", { file: "fleet.yaml" }],
])("finds the place in the repository in %s", (where, place) => expect(placeIn(where)).toEqual(place))

it.each([
  "/opt/venv/lib/python3.11/site-packages/torch/lib/libtorch.so",
  "../../etc/passwd:1",
  "file:///etc/passwd",
  "https://example.org/a/b",
  "numpy 1.26.4",
  undefined,
])("finds none in %s", (where) => expect(placeIn(where)).toBeUndefined())
