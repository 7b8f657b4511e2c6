/**
 * What a tree leaves out, by paths from its root: documentation, other locales, what the build
 * itself needed, what is the launcher's to write, and what differs from build to build. Licences
 * stay, since a pack may be handed on.
 */
const LEFT_OUT: readonly RegExp[] = [
  /^usr\/(local\/)?share\/(man|info|locale|lintian|bug|doc-base|gtk-doc|help|omf)$/,
  /^usr\/(local\/)?man$/,
  /^usr\/share\/doc\/.*(?<!\/copyright)$/,
  /^usr\/lib\/locale\/(?!C\.utf8)/,
  /^usr\/lib\/(systemd|udev|modules|debug)$/,
  /^usr\/lib\/node_modules\/\.package-lock\.json$/,
  /^usr\/local\/lib\/node_modules\/\.package-lock\.json$/,
  /^usr\/sbin\/policy-rc\.d$/,
  /^etc\/(dpkg|apt|init\.d|rc.\.d|cron\..*|systemd|logrotate\.d|pam\.d|security|skel)$/,
  /^etc\/(update-motd\.d|kernel|default|selinux|opt|debconf\.conf|pam\.conf)$/,
  /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)-?$/,
  /^etc\/(hostname|hosts|resolv\.conf|machine-id|mtab|fstab|motd|issue.*|\.pwd\.lock)$/,
  /^etc\/(nsswitch\.conf|login\.defs|securetty|shells)$/,
  /\/[^/]*\.dpkg-(old|new|dist|tmp)$/,
];

/** Folders under /usr/share/doc stay to be looked into: they hold the licence. */
const LOOKED_INTO = /^usr\/share\/doc(\/[^/]+)?$/;

export function isLeftOut(path: string, isFolder: boolean): boolean {
  if (isFolder && LOOKED_INTO.test(path)) return false;
  return LEFT_OUT.some((pattern) => pattern.test(path));
}
