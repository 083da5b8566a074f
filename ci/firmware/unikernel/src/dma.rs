//! Pages that the disk reads and writes on its own: a pool of fixed size, handed out once.
//!
//! Every address is itself (see [`map`](crate::map)), and virtio devices look into the CPU's caches, so
//! buffers need no copy and no cache maintenance.
#![allow(unsafe_code, reason = "the contract of virtio_drivers::Hal")]

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// What one disk takes: a page of its queue for each direction.
const PAGES: usize = 2;

#[repr(C, align(4096))]
struct Pool(UnsafeCell<[[u8; PAGE_SIZE]; PAGES]>);

// SAFETY: `dma_alloc` hands each page out at most once, and nothing else refers to them.
unsafe impl Sync for Pool {}

static POOL: Pool = Pool(UnsafeCell::new([[0; PAGE_SIZE]; PAGES]));

/// Pages handed out so far.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The pool as `virtio-drivers` asks for pages. Pages given back are not handed out again: a program has one
/// disk, and keeps it.
#[derive(Debug)]
pub struct Dma;

// SAFETY: the pages are aligned, disjoint and zero, since each is handed out once; addresses are the same for
// the CPU and the device.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let take = |taken: usize| taken.checked_add(pages).filter(|taken| *taken <= PAGES);
        let Ok(first) = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) else {
            return (0, NonNull::dangling()); // address 0 tells that there is none left
        };
        // SAFETY: `take` keeps `first` within the pool.
        let page = unsafe { POOL.0.get().cast::<[u8; PAGE_SIZE]>().add(first) };
        let page = NonNull::new(page).unwrap_or(NonNull::dangling()).cast();
        (address(page), page)
    }

    unsafe fn dma_dealloc(_physical: PhysAddr, _virtual: NonNull<u8>, _pages: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(physical: PhysAddr, _size: usize) -> NonNull<u8> {
        // Called for PCI devices only, of which there are none.
        NonNull::new(core::ptr::with_exposed_provenance_mut(usize::try_from(physical).unwrap_or(0)))
            .unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        address(buffer.cast())
    }

    unsafe fn unshare(_physical: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

fn address(pointer: NonNull<u8>) -> PhysAddr {
    pointer.as_ptr().expose_provenance() as PhysAddr
}
