"""Which Debian package has a shared library: makes debian-libraries.txt anew from Debian's own index of files.

    python3 sonames.py bookworm > debian-libraries.txt            # from the mirror that apt uses on this machine
    python3 sonames.py bookworm https://deb.debian.org/debian > debian-libraries.txt

Only public libraries of main for amd64, under the names that programs ask for: libGL.so.1, and not libGL.so.1.7.0.
"""

import email.utils
import gzip
import re
import subprocess
import sys
import urllib.request

FOLDERS = ("usr/lib/x86_64-linux-gnu/", "lib/x86_64-linux-gnu/")
# libGL.so.1 and libssl.so.1.1; Debian has some without a number behind, such as libdb-5.3.so.
LIBRARY = re.compile(r"lib[^/]+?\.so(?:\.[0-9][^/]*)?|lib[^/]+-[0-9][^/]*\.so")
UNVERSIONED = re.compile(r"[^/]*-[0-9][0-9.]*\.so")
NOT_FOR_IMAGES = re.compile(r"-(?:dev|dbg|dbgsym|doc|examples|tests?|udeb)$")


def mirror():
    """Where apt on this machine fetches Debian from."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE)|$(CREATED_BY)"]
    said = subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout
    sites = [line.split("|")[0] for line in said.splitlines() if line.endswith("|Packages")]
    return next(site for site in sites if site.rstrip("/").endswith("/debian"))


def index(suite, site):
    """(the index as text, the day on which Debian released it)."""
    release = fetched(f"{site}/dists/{suite}/Release").decode()
    date = re.search(r"^Date: (.*)$", release, re.M)[1].replace(" UTC", " +0000")
    day = f"{email.utils.parsedate_to_datetime(date):%Y-%m-%d}"
    return gzip.decompress(fetched(f"{site}/dists/{suite}/main/Contents-amd64.gz")).decode(), day


def fetched(url):
    with urllib.request.urlopen(url, timeout=300) as answer:
        return answer.read()


def libraries(text):
    """Name of a library -> package."""
    found = {}
    for line in text.splitlines():
        path, _, sections = line.rpartition(" ")
        folder, name = next(((each, path.strip()[len(each) :]) for each in FOLDERS if line.startswith(each)), ("", ""))
        if not LIBRARY.fullmatch(name) or (".so." not in name and not UNVERSIONED.fullmatch(name)):
            continue
        packages = [section.rsplit("/", 1)[1] for section in sections.split(",")]
        packages = [each for each in packages if not NOT_FOR_IMAGES.search(each)]
        if packages:
            found[name] = min(packages, key=lambda each: (len(each), each))
    # libGL.so.1.7.0 is what libGL.so.1 points to: programs ask for the shortest name.
    return {name: package for name, package in found.items() if not any(short in found for short in shorter(name))}


def shorter(name):
    head, _, version = name.partition(".so.")
    parts = version.split(".")
    return [f"{head}.so.{'.'.join(parts[:count])}" for count in range(1, len(parts))]


def main():
    suite = sys.argv[1]
    text, day = index(suite, sys.argv[2] if len(sys.argv) > 2 else mirror())
    found = libraries(text)
    if len(found) < 1000:
        raise SystemExit(f"only {len(found)} libraries found: this is no index of files")
    print(f"# Made by sonames.py from Debian's index of files: {suite} main, Contents-amd64, {day}. Debian's packages,")
    print("# Debian's names; the index is a list of facts. A line is: library, package.")
    for name in sorted(found):
        print(name, found[name])


if __name__ == "__main__":
    main()
