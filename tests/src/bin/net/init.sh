#!/bin/busybox sh
# The first program of the Linux machine: the card's driver, its address, Redis without persistence, and a shell on the serial line. The
# kernel passes ADDRESS from its command line.
export PATH=/bin
busybox mount -t proc proc /proc
for module in /modules/*; do
    busybox insmod "$module"
done
busybox ip link set lo up
busybox ip address add "$ADDRESS" dev eth0
busybox ip link set eth0 up
redis-server --bind 0.0.0.0 --protected-mode no --save '' --appendonly no >/dev/null &
exec busybox sh
