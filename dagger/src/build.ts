import { type Container, dag, type File, func, object } from "@dagger.io/dagger"

/** One family's image, built and not yet published. */
@object()
export class Build {
  /** The family's name. */
  @func()
  family: string

  /** The image manifest's digest, "sha256:…": the same that `./fairlead build` makes from the same commit. */
  @func()
  digest: string

  /** The tag that a release of it would carry: YYYYMMDD-<7 hex digits of the commit>. */
  @func()
  tag: string

  /** The OCI archive: exactly the bytes that gates look at and that are published. */
  @func()
  archive: File

  /** The software bill of materials, SPDX 2.3 JSON. */
  @func()
  sbom: File

  /** A line for people: how long it took, how many packages, the digest. */
  @func()
  summary: string

  constructor(family: string, digest: string, tag: string, archive: File, sbom: File, summary: string) {
    this.family = family
    this.digest = digest
    this.tag = tag
    this.archive = archive
    this.sbom = sbom
    this.summary = summary
  }

  /** The image as a container, to run commands in: `container with-exec --args=id stdout`. */
  @func()
  container(): Container {
    return dag.container().import_(this.archive)
  }
}
