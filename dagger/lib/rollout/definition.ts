import type { ComposeService } from "./service.ts"

/** A service as a rollout starts it: kept on the host under "<svc>.<hash>", so that it can be started again. */
export interface Definition {
  svc: string
  /** 12 hex digits over everything that makes the container behave as it does. */
  hash: string
  service: ComposeService
}
