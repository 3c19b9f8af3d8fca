# with_gpus.sh FOLDER LIBRARY COMMAND...
# In mounts of its own (started by `unshare --mount`), a machine with two GPUs that are /dev/null by other names, and
# LIBRARY for NVIDIA's driver. FOLDER is an empty one.
set -e
folder=$1 library=$2
shift 2
mount --make-rprivate /
mkdir "$folder/dev" "$folder/over"
mount -t tmpfs -o mode=755 tmpfs "$folder/dev"
mount -t tmpfs tmpfs "$folder/over"
for name in null zero full random urandom tty ptmx; do
    touch "$folder/dev/$name"
    mount --bind "/dev/$name" "$folder/dev/$name"
done
for name in pts shm; do
    mkdir "$folder/dev/$name"
    mount --bind "/dev/$name" "$folder/dev/$name"
done
ln -s /proc/self/fd "$folder/dev/fd"
for name in nvidia0 nvidia1 nvidiactl nvidia-uvm; do
    mknod -m 666 "$folder/dev/$name" c 1 3
done
mount --move "$folder/dev" /dev
mkdir "$folder/over/upper" "$folder/over/work"
install -m 755 "$library" "$folder/over/upper/libcuda.so.1"
libraries=$(readlink -f "$(dirname "$(ldconfig -p | sed -n 's/.* => \(.*libc\.so\.6\)$/\1/p' | head -n 1)")")
mount -t overlay overlay -o "lowerdir=$libraries,upperdir=$folder/over/upper,workdir=$folder/over/work" "$libraries"
exec "$@"
