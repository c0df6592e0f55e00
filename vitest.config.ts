import { defineConfig } from "vitest/config"

// Conformance and e2e share one container engine and one registry, so their files run one after another.
const onTheYard = { fileParallelism: false, testTimeout: 600_000, hookTimeout: 1_800_000 }

// Unit tests say what they are about; which engine the person at the keyboard uses is not among it.
const nobodysEngine = {
  ...{ DOCKER_HOST: "", DOCKER_CONTEXT: "" },
  ...{ FAIRLEAD_ENGINE: "", FAIRLEAD_REGISTRY: "", FAIRLEAD_ADVISORIES: "" },
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          globalSetup: ["test/unit/own-folder.ts"],
          pool: "threads",
          testTimeout: 60_000,
          env: nobodysEngine,
        },
      },
      { test: { name: "conformance", include: ["test/conformance/**/*.test.ts"], ...onTheYard } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...onTheYard } },
      { test: { name: "long", include: ["test/long/**/*.test.ts"], ...onTheYard, testTimeout: 3_000_000 } },
      { test: { name: "heavy", include: ["test/heavy/**/*.test.ts"], ...onTheYard, testTimeout: 3_000_000 } },
    ],
  },
})
