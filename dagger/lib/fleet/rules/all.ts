import { appImagesHaveNames, appsBringTheirParts, mountsFit, oneObserver } from "./apps.ts"
import { archsFit, gpuServicesFindAGpu, torchFits } from "./gpu.ts"
import { budgetsFit, childrenKeepPromises, noCircles, oldPythonSaysWhenItEnds, standsOnOneThing } from "./hierarchy.ts"
import { aliasesDiffer, imagesHaveDifferentNames, serviceNamesDiffer } from "./names.ts"
import { portsDiffer } from "./ports.ts"
import type { Rule } from "./rule.ts"
import { servicesHaveAnApp, servicesNameWhatExists } from "./services.ts"
import { wavesTakeAll } from "./waves.ts"

/** Every rule across entries. A new rule is a function and a row. */
export const rules: readonly Rule[] = [
  imagesHaveDifferentNames,
  aliasesDiffer,
  serviceNamesDiffer,
  standsOnOneThing,
  noCircles,
  childrenKeepPromises,
  oldPythonSaysWhenItEnds,
  budgetsFit,
  servicesNameWhatExists,
  servicesHaveAnApp,
  appImagesHaveNames,
  appsBringTheirParts,
  mountsFit,
  oneObserver,
  portsDiffer,
  gpuServicesFindAGpu,
  archsFit,
  torchFits,
  wavesTakeAll,
]
