#!/bin/busybox sh
# Process 1 of the guest. The first root can't be pivoted away from (pivot_root(2)), so it is bound
# over itself and the bind becomes the root.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ "$1" != again ]; then
  busybox mount --bind / /root
  cd /root
  busybox mount --move . /
  exec busybox chroot . /init again
fi
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
echo @up > /dev/console
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t tmpfs -o mode=1777 tmpfs /tmp
busybox mount -t tmpfs -o mode=0755 tmpfs /run
busybox mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
for module in /vm/modules/*.ko; do busybox insmod "$module"; done
# Open doors of this kernel, so that only the launcher keeps them shut.
echo 1 > /proc/sys/kernel/perf_event_paranoid
busybox ip link set lo up
/usr/bin/node /vm/guest.mjs
busybox sync
busybox poweroff -f
