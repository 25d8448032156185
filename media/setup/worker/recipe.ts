/**
 * How mediasoup's worker is built from the C++ source in its npm package against Debian's libraries. The package's own
 * way fetches meson and third-party sources from the web; on a closed network all of that fails, while `apt` and `npm`
 * usually have a mirror.
 *
 * For each library that the worker's meson.build asks for there is one small meson project that hands on Debian's.
 */

/** What must be installed for the build, by Debian's package names. */
export const buildPackages = [
  'meson',
  'ninja-build',
  'g++',
  'pkg-config',
  'libssl-dev',
  'libuv1-dev',
  'libsrtp2-dev',
  'libabsl-dev',
  'libflatbuffers-dev',
  'flatbuffers-compiler',
];

interface Library {
  /** The name of the subproject, as the worker's meson.build calls it. */
  name: string;
  /** Meson variables that the worker reads, with the Debian library each stands for. */
  variables: Readonly<Record<string, string>>;
  /** Static libraries that the worker links whole; Debian's are linked through the variables, so these stay empty. */
  archives: readonly string[];
  /** Options that the worker sets on the subproject: they must exist. */
  options?: readonly string[];
  /** A line more for meson. */
  extra?: string;
}

const libraries: readonly Library[] = [
  {
    name: 'libuv',
    variables: { libuv_dep: "dependency('libuv')" },
    archives: ['libuv'],
    options: ['build_tests', 'build_benchmarks'],
  },
  { name: 'openssl', variables: { openssl_dep: "dependency('openssl')" }, archives: ['libcrypto_lib', 'libssl_lib'] },
  {
    name: 'libsrtp3',
    variables: {
      libsrtp3_dep:
        "declare_dependency(include_directories: include_directories('include'), dependencies: dependency('libsrtp2'))",
    },
    archives: ['libsrtp3'],
    options: ['crypto-library', 'crypto-library-kdf', 'tests'],
  },
  { name: 'flatbuffers', variables: { flatbuffers_dep: "dependency('flatbuffers')" }, archives: ['flatbuffers_lib'] },
  {
    name: 'abseil-cpp',
    variables: {
      absl_strings_dep: "dependency('absl_strings')",
      absl_types_dep: "dependency('absl_optional')",
      absl_container_dep: "dependency('absl_flat_hash_map')",
    },
    archives: ['absl_container_lib'],
  },
  {
    name: 'unordered_dense',
    variables: { unordered_dense_dep: "declare_dependency(include_directories: include_directories('include'))" },
    archives: [],
    extra: "meson.override_dependency('unordered_dense', unordered_dense_dep)",
  },
];

/** Files to lay into the copy of the worker's source: path below `subprojects/` to content. */
export function subprojectFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const library of libraries) {
    const lines = [`project('${library.name}', 'c', 'cpp')`];
    for (const [name, value] of Object.entries(library.variables)) lines.push(`${name} = ${value}`);
    library.archives.forEach((name, index) => {
      lines.push(`${name} = static_library('${library.name}-none-${index}', 'none.c')`);
    });
    if (library.extra !== undefined) lines.push(library.extra);
    files.set(`${library.name}/meson.build`, `${lines.join('\n')}\n`);
    files.set(`${library.name}/none.c`, 'typedef int nothing_here;\n');
    const options = (library.options ?? []).map((name) => `option('${name}', type: 'string', value: '')`);
    files.set(`${library.name}/meson_options.txt`, `${options.join('\n')}\n`);
  }
  return files;
}

/** Headers of ours that a subproject offers: subproject to the file below `media/setup/worker/include/`. */
export const headers: readonly { subproject: string; header: string }[] = [
  { subproject: 'libsrtp3', header: 'srtp.h' },
  { subproject: 'unordered_dense', header: 'ankerl/unordered_dense.h' },
];

/** One change to the worker's source: `find` must occur exactly once. */
export interface Change {
  file: string;
  find: string;
  replace: string;
  /** A later mediasoup may have made the change itself. */
  optional: boolean;
}

export const changes: readonly Change[] = [
  // Debian 12 has meson 1.0.1; nothing newer is used.
  { file: 'meson.build', find: "meson_version: '>= 1.1.0'", replace: "meson_version: '>= 1.0.0'", optional: true },
  // OpenSSL asks a BIO by control calls what it can do. The callback's answer replaces the BIO's own when the operation
  // has the bit BIO_CB_RETURN, which the worker compares as a whole, so every question is answered "1". Debian's OpenSSL
  // knows kernel TLS, asks "do you send by kernel TLS?", hears "yes", allocates no write buffer, and every handshake is
  // a SIGSEGV.
  {
    file: 'src/RTC/DtlsTransport.cpp',
    find: '(operationType == BIO_CB_RETURN)',
    replace: '((operationType & BIO_CB_RETURN) != 0)',
    optional: false,
  },
];
